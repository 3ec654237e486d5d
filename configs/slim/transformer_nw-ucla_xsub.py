# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 724 clips of xsub_train, tested on 760 of xsub_test; median 32 frames, 1 person.
_base_ = ['../_base_/methods/slim_small.py', '../_base_/datasets/nw-ucla_xsub.py']

model = dict(
    encoder=dict(layout='kinect_v1'),
    heads=dict(contrast=dict(warmup_epochs=15), masked=dict(warmup_epochs=15)),
)
train_cfg = dict(max_epochs=73)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=7, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-06,
        begin=7,
        T_max=66,
        end=73,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingParamScheduler',
        param_name='weight_decay',
        eta_min_ratio=5.0,
        T_max=73,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=7), evaluation=dict(interval=14))
