_base_ = ['../_base_/methods/isc.py', '../_base_/datasets/pku2_xsub.py']

train_cfg = dict(max_epochs=1000)
param_scheduler = [dict(type='MultiStepLR', milestones=[800], gamma=0.1)]
