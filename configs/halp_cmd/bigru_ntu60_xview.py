# CMD with positives hallucinated in each stream.
_base_ = '../cmd/bigru_ntu60_xview.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        cmd=dict(type='CMDHead'),
        halp=dict(type='HaLPHead', start_epoch=200),
    )
)
