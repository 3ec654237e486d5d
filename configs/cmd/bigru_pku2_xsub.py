_base_ = ['../_base_/methods/cmd.py', '../_base_/datasets/pku2_xsub.py']

train_cfg = dict(max_epochs=1000)
param_scheduler = [dict(type='MultiStepLR', milestones=[800], gamma=0.1)]
protocols = dict(linear=dict(learning_rate=0.001))
