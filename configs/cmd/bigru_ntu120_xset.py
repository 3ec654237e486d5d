# CMD is the baseline on three streams with a head that distils between them.
_base_ = '../moco/bigru_ntu120_xset.py'

model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        cmd=dict(type='CMDHead'),
    ),
)
