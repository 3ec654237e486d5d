# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/h_transformer_small.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn='median', center='clip')],
    views=dict(
        clean=[
            dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=11, num_frames=32),
            dict(type='Shear', amplitude=0.5),
            dict(type='JointOffset', std=0.2),
        ],
        chosen=dict(base='clean', transforms=[dict(type='FrameChoice', ratio=0.15, hides=False)]),
    ),
)
train_cfg = dict(max_epochs=53)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=5, convert_to_iter_based=True),
    dict(type='PolyLR', power=1.0, begin=5, end=53, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=5))
