_base_ = '../moco/bigru_synthetic_xsub.py'

method = 'HaLP'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=160, weight=0.1)))
