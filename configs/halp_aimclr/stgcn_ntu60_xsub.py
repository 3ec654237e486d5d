# AimCLR with HaLP's positives for the normal view.
_base_ = '../aimclr/stgcn_ntu60_xsub.py'

method = 'HaLP + AimCLR'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=150)))
