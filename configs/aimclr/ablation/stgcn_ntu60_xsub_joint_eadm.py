# AimCLR, Table 1: without nearest neighbours, so the first stage all the time.
_base_ = '../stgcn_ntu60_xsub_joint.py'

model = dict(
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='D3MHead', temperature=0.07),
    ],
)
