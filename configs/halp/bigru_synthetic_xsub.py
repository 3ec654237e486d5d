_base_ = '../moco/bigru_synthetic_xsub.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        halp=dict(type='HaLPHead', start_epoch=160, weight=0.1),
    )
)
