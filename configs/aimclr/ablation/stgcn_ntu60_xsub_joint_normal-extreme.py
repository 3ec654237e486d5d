# AimCLR, Table 1: normal and extreme augmentations, Eq. (7).
_base_ = './stgcn_ntu60_xsub_joint_eadm.py'

model = dict(
    drop=None,
    dropped_views=[],
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='D3MHead', temperature=0.07, followers=['extreme']),
    ],
)
