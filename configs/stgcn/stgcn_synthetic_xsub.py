_base_ = ['../_base_/methods/stgcn_small.py', '../_base_/datasets/synthetic_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(num_classes=14)
# Two people and 420 clips: fewer epochs, so that a run is a matter of minutes.
train_cfg = dict(max_epochs=30)
param_scheduler = [dict(type='MultiStepLR', milestones=[20, 26], gamma=0.1)]
