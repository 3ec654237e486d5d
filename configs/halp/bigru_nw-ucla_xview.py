# Several views, and the weight and hardness of the paper.
_base_ = '../moco/bigru_nw-ucla_xview.py'

method = 'HaLP'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=60)))
