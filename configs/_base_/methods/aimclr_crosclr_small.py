# AimCLR with CrosSCLR's mining across streams, sized for a few hundred short clips.
_base_ = './aimclr_small.py'

method = 'AimCLR + CrosSCLR'
model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(cross_stream=dict(type='CrossStreamHead', start_epoch=50)),
)
