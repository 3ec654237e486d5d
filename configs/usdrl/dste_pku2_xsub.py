_base_ = ['../_base_/methods/usdrl.py', '../_base_/datasets/pku2_xsub.py']

train_dataloader = dict(batch_size=512)
train_cfg = dict(max_epochs=1201)
param_scheduler = [dict(type='MultiStepLR', milestones=[801], gamma=0.1)]
protocols = dict(linear=dict(learning_rate=0.01))
