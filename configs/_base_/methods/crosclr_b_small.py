# CrosSCLR-B sized for a few hundred short clips and 2 CPU cores.
_base_ = './moco_small.py'

method = 'CrosSCLR'
model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(moco=dict(end_epoch=80), cross_stream=dict(type='CrossStreamHead', start_epoch=80)),
)
train_cfg = dict(max_epochs=120)
optim_wrapper = dict(optimizer=dict(lr=0.1))
param_scheduler = [dict(type='MultiStepLR', milestones=[100], gamma=0.1)]
