# HaLP is its MoCo baseline with one more head.
_base_ = '../moco/bigru_pku2_xsub.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        halp=dict(type='HaLPHead', start_epoch=200),
    )
)
