# HaLP, Table 5: lambda = 0.2.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        halp=dict(type='HaLPHead', start_epoch=200, hardness=0.2),
    )
)
