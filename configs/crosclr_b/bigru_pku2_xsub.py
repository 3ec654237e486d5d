_base_ = ['../_base_/methods/crosclr_b.py', '../_base_/datasets/pku2_xsub.py']

train_cfg = dict(max_epochs=1000)
model = dict(heads=dict(moco=dict(end_epoch=700), cross_stream=dict(start_epoch=700)))
param_scheduler = [dict(type='MultiStepLR', milestones=[800], gamma=0.1)]
protocols = dict(linear=dict(learning_rate=0.001))
