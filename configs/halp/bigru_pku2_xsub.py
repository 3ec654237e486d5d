# HaLP is its MoCo baseline with one more head.
_base_ = '../moco/bigru_pku2_xsub.py'

model = dict(
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='HaLPHead', start_epoch=200),
    ]
)
