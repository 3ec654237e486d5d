# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/halp_slim_small.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(
    encoder=dict(layout='kinect_v1'),
    heads=dict(
        contrast=dict(warmup_epochs=11),
        masked=dict(warmup_epochs=11),
        halp=dict(start_epoch=21, num_newest=256, num_prototypes=20),
    ),
    queue_size=512,
)
data_preprocessor = dict(
    normalization=[
        dict(type='PreNormalize3D', turn='median', center='clip'),
        dict(type='FirstFrameNormalize'),
    ],
)
train_cfg = dict(max_epochs=53)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=5, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-06,
        begin=5,
        T_max=48,
        end=53,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingParamScheduler',
        param_name='weight_decay',
        eta_min_ratio=5.0,
        T_max=53,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=5))
