# HaLP is its MoCo baseline with one more head.
_base_ = '../moco/bigru_ntu120_xset.py'

model = dict(
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='HaLPHead', start_epoch=200),
    ]
)
