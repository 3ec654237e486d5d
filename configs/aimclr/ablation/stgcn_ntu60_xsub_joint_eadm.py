# AimCLR, Table 1: without nearest neighbours, so the first stage all the time.
_base_ = '../stgcn_ntu60_xsub_joint.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        d3m=dict(type='D3MHead', temperature=0.07),
    ),
)
