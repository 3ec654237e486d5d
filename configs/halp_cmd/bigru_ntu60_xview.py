# CMD with positives hallucinated in each stream.
_base_ = '../cmd/bigru_ntu60_xview.py'

model = dict(
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='CMDHead'),
        dict(type='HaLPHead', start_epoch=200),
    ]
)
