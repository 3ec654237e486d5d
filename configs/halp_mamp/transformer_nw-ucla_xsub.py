# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 724 clips of xsub_train, tested on 760 of xsub_test; median 32 frames, 1 person.
_base_ = ['../_base_/methods/halp_mamp_small.py', '../_base_/datasets/nw-ucla_xsub.py']

view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=10, num_frames=32),
    dict(type='Shear', amplitude=0.5),
    dict(type='JointOffset', std=0.2),
]
model = dict(
    encoder=dict(layout='kinect_v1'),
    heads=dict(halp=dict(start_epoch=29, num_newest=256, num_prototypes=20)),
    queue_size=512,
)
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn=None, center='clip')],
    views=dict(
        clean=view,
        masked=dict(
            base='clean', transforms=[dict(type='MotionAwareMask', ratio=0.9, temperature=0.8)]
        ),
        key=view,
    ),
)
train_cfg = dict(max_epochs=73)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=4, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=5e-05,
        begin=4,
        T_max=69,
        end=73,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=7), evaluation=dict(interval=14))
