# CrosSCLR is SkeletonCLR on three streams; then what is near in one is a positive in the others.
_base_ = '../skeletonclr/stgcn_ntu60_xview_joint.py'

model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=150),
        cross_stream=dict(type='CrossStreamHead', temperature=0.07, start_epoch=150),
    ),
)
