_base_ = '../aimclr/stgcn_synthetic_xsub.py'

method = 'AimCLR + CrosSCLR'
model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(cross_stream=dict(type='CrossStreamHead', start_epoch=50)),
)
