# CrosSCLR is SkeletonCLR on three streams; then what is near in one is a positive in the others.
_base_ = './skeletonclr.py'

method = 'CrosSCLR'
model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(
        moco=dict(end_epoch=150),
        cross_stream=dict(type='CrossStreamHead', temperature=0.07, start_epoch=150),
    ),
)
