# CMD with positives hallucinated in each stream.
_base_ = '../cmd/bigru_ntu120_xsub.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        cmd=dict(type='CMDHead'),
        halp=dict(type='HaLPHead', start_epoch=200),
    )
)
