_base_ = '../cmd/bigru_synthetic_xsub.py'

method = 'HaLP + CMD'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=160, weight=0.1)))
