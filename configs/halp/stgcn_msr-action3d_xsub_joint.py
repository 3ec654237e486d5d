# HaLP on ST-GCN: SkeletonCLR with one more head.
_base_ = '../skeletonclr/stgcn_msr-action3d_xsub_joint.py'

model = dict(
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='HaLPHead', start_epoch=50, weight=0.1, hardness=0.2),
    ]
)
