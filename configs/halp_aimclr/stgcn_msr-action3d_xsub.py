# AimCLR with HaLP's positives for the normal view.
_base_ = '../aimclr/stgcn_msr-action3d_xsub.py'

method = 'HaLP + AimCLR'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=50, weight=0.1, hardness=0.2)))
