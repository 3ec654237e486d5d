# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/ascal_small.py', '../_base_/datasets/nw-ucla_xview.py']

view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=11, num_frames=32),
    dict(type='RandomChoice', transforms=[dict(type='TemporalFlip')], probabilities=[0.5]),
    dict(type='Shear', amplitude=1.0),
]
model = dict(encoder=dict(num_people=1, layout='kinect_v1'), queue_size=512)
data_preprocessor = dict(
    normalization=[
        dict(type='PreNormalize3D', turn='median', center='clip'),
        dict(type='SubtractJoint'),
    ],
    views=dict(query=view, key=view),
)
train_cfg = dict(max_epochs=40)
param_scheduler = [dict(type='MultiStepLR', milestones=[20], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=4), evaluation=dict(interval=8))
