# HaLP on ST-GCN: SkeletonCLR with one more head.
_base_ = '../skeletonclr/stgcn_ntu60_xsub_joint.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        halp=dict(type='HaLPHead', start_epoch=150),
    )
)
