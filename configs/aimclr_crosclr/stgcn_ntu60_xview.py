# AimCLR with CrosSCLR's mining across streams: the section sign in AimCLR's tables.
_base_ = '../aimclr/stgcn_ntu60_xview_joint.py'

model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=150),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=150),
        d3m=dict(type='D3MHead', temperature=0.07),
        cross_stream=dict(type='CrossStreamHead', temperature=0.07, start_epoch=150),
    ),
)
