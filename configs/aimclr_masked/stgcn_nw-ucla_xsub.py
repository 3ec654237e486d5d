# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 724 clips of xsub_train, tested on 760 of xsub_test; median 32 frames, 1 person.
_base_ = ['../_base_/methods/aimclr_masked_small.py', '../_base_/datasets/nw-ucla_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(
    encoder=dict(layout='kinect_v1'),
    heads=dict(moco=dict(end_epoch=34), nnm=dict(start_epoch=34)),
    queue_size=512,
)
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
train_cfg = dict(max_epochs=68)
param_scheduler = [dict(type='MultiStepLR', milestones=[54], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=6), evaluation=dict(interval=13))
