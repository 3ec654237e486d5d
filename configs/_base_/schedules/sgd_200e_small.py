# For a few hundred clips on 2 CPU cores: as many epochs as a few minutes allow.
_base_ = './sgd_300e.py'

train_cfg = dict(max_epochs=200)
param_scheduler = [dict(type='MultiStepLR', milestones=[160], gamma=0.1)]
