# For a few hundred clips: the learning rate stays up for longer, since epochs are short.
_base_ = './sgd_80e_supervised.py'

param_scheduler = [dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1)]
