# For a few hundred clips on 2 CPU cores: larger steps, as many epochs as a few minutes allow.
_base_ = './sgd_450e.py'

train_cfg = dict(max_epochs=400)
optim_wrapper = dict(optimizer=dict(lr=0.4))
param_scheduler = [dict(type='MultiStepLR', milestones=[320], gamma=0.1)]
