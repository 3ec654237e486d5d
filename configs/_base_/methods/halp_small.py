# HaLP sized for a few hundred short clips and 2 CPU cores; it starts when the keys mean something.
_base_ = './moco_small.py'

method = 'HaLP'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=80, weight=0.1)))
