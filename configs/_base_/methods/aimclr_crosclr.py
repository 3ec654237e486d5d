# AimCLR with CrosSCLR's mining across streams: the section sign in AimCLR's tables.
_base_ = './aimclr.py'

method = 'AimCLR + CrosSCLR'
model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(cross_stream=dict(type='CrossStreamHead', temperature=0.07, start_epoch=150)),
)
