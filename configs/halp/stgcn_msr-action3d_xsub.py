# HaLP on ST-GCN: SkeletonCLR with one more head.
_base_ = '../skeletonclr/stgcn_msr-action3d_xsub.py'

method = 'HaLP'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=94, weight=0.1, hardness=0.2)))
