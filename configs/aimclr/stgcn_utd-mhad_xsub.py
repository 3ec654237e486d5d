# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 431 clips of xsub_train, tested on 430 of xsub_test; median 67 frames, 1 person.
_base_ = ['../_base_/methods/aimclr_small.py', '../_base_/datasets/utd-mhad_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(
    encoder=dict(layout='utd_mhad'),
    heads=dict(moco=dict(end_epoch=57), nnm=dict(start_epoch=57)),
    queue_size=256,
)
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
train_cfg = dict(max_epochs=115)
param_scheduler = [dict(type='MultiStepLR', milestones=[92], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=11), evaluation=dict(interval=23))
