# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 3096 clips of xsub_train, tested on 3116 of xsub_test; median 69 frames, 1 person.
_base_ = ['../_base_/methods/aimclr_masked_small.py', '../_base_/datasets/msrc12_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(
    encoder=dict(layout='kinect_v1'), heads=dict(moco=dict(end_epoch=8), nnm=dict(start_epoch=8))
)
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
train_cfg = dict(max_epochs=16)
param_scheduler = [dict(type='MultiStepLR', milestones=[13], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=1), evaluation=dict(interval=3))
