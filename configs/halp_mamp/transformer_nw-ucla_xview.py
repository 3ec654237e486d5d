# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/halp_mamp_small.py', '../_base_/datasets/nw-ucla_xview.py']

view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=11, num_frames=32),
    dict(type='Shear', amplitude=0.5),
    dict(type='JointOffset', std=0.2),
]
model = dict(
    encoder=dict(layout='kinect_v1'),
    heads=dict(halp=dict(start_epoch=21, num_newest=256, num_prototypes=20)),
    queue_size=512,
)
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn='median', center='clip')],
    views=dict(
        clean=view,
        masked=dict(
            base='clean', transforms=[dict(type='MotionAwareMask', ratio=0.9, temperature=0.8)]
        ),
        key=view,
    ),
)
train_cfg = dict(max_epochs=53)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=3, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=5e-05,
        begin=3,
        T_max=50,
        end=53,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=5))
