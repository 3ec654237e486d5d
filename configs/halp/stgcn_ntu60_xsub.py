# HaLP on ST-GCN: SkeletonCLR with one more head.
_base_ = '../skeletonclr/stgcn_ntu60_xsub.py'

method = 'HaLP'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=150)))
