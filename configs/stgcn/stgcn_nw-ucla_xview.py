# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/stgcn_small.py', '../_base_/datasets/nw-ucla_xview.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(layout='kinect_v1'), num_classes=10)
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=True)],
    views=dict(
        clip=[
            dict(type='TemporalCropResize', ratio=(0.7, 1.0), min_frames=11, num_frames=32),
            dict(type='Shear', amplitude=0.3),
        ],
    ),
)
train_cfg = dict(max_epochs=48)
param_scheduler = [dict(type='MultiStepLR', milestones=[30, 42], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=4), evaluation=dict(interval=9))
