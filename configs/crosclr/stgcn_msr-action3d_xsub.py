_base_ = '../skeletonclr/stgcn_msr-action3d_xsub.py'

method = 'CrosSCLR'
model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(moco=dict(end_epoch=50), cross_stream=dict(type='CrossStreamHead', start_epoch=50)),
)
