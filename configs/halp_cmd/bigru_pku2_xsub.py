# CMD with positives hallucinated in each stream.
_base_ = '../cmd/bigru_pku2_xsub.py'

model = dict(
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='CMDHead'),
        dict(type='HaLPHead', start_epoch=200),
    ]
)
