# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/sebirenet_small.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(
    normalization=[
        dict(type='PreNormalize3D', turn='median', center='clip'),
        dict(type='PoseStandardize'),
    ],
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.1, 1.0), min_frames=11, num_frames=8)],
        noisy=dict(base='clean', transforms=[dict(type='PoseNoise', num_joints=(1, 5))]),
        rotated=dict(
            base='noisy',
            transforms=[
                dict(type='RecordedRotate', main_degrees=(-180, 180), other_degrees=(-30, 30)),
            ],
        ),
    ),
)
train_cfg = dict(max_epochs=53)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=3),
    dict(type='CosineAnnealingLR', begin=3, end=53, T_max=50),
]
default_hooks = dict(checkpoint=dict(interval=5))
