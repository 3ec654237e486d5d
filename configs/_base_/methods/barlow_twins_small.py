# Barlow Twins on MoCo's encoder and views: without keys and without a queue.
_base_ = './moco_small.py'

method = 'Barlow Twins'
model = dict(
    projector=dict(normalize=False),
    heads=dict(moco=None, twins=dict(type='CrossCorrelationHead', other_view='key')),
)
optim_wrapper = dict(optimizer=dict(lr=0.001))
