# For a few hundred clips in batches of 32, on 2 CPU cores: with larger steps features collapse to
# a few directions.
_base_ = './sgd_300e.py'

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(optimizer=dict(lr=0.01))
param_scheduler = [dict(type='MultiStepLR', milestones=[80], gamma=0.1)]
