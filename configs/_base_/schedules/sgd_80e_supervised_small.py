# For a few hundred clips in batches of 32: the learning rate stays up for longer, since epochs are
# short, and weights decay faster.
_base_ = './sgd_80e_supervised.py'

optim_wrapper = dict(optimizer=dict(lr=0.05, weight_decay=1e-3))
param_scheduler = [dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1)]
