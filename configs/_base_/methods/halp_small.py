# HaLP sized for a few hundred short clips and 2 CPU cores, with the paper's weight and hardness; it
# starts when keys mean something.
_base_ = './moco_small.py'

method = 'HaLP'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=80, temperature=0.1)))
