# AimCLR with CrosSCLR's mining across streams: the section sign in AimCLR's tables.
_base_ = '../aimclr/stgcn_synthetic_xsub_joint.py'

model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=50),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=50),
        d3m=dict(type='D3MHead', temperature=0.07),
        cross_stream=dict(type='CrossStreamHead', temperature=0.07, start_epoch=50),
    ),
)
