_base_ = '../cmd/bigru_msr-action3d_xsub.py'

method = 'HaLP + CMD'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=120, weight=0.1, hardness=0.2)))
