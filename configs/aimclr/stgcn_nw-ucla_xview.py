# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/aimclr_small.py', '../_base_/datasets/nw-ucla_xview.py']

train_dataloader = dict(batch_size=32)
model = dict(
    encoder=dict(layout='kinect_v1'),
    heads=dict(moco=dict(end_epoch=24), nnm=dict(start_epoch=24)),
    queue_size=512,
)
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=True)]
)
train_cfg = dict(max_epochs=48)
param_scheduler = [dict(type='MultiStepLR', milestones=[38], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=4), evaluation=dict(interval=9))
