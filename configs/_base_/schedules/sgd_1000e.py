# HaLP, Sec. 4.2, PKU-MMD.
_base_ = './sgd_450e.py'

train_cfg = dict(max_epochs=1000)
param_scheduler = [dict(type='MultiStepLR', milestones=[800], gamma=0.1)]
