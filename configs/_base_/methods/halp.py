# HaLP is its baseline with one more head.
_base_ = './moco.py'

method = 'HaLP'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=200)))
