# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 3096 clips of xsub_train, tested on 3116 of xsub_test; median 69 frames, 1 person.
_base_ = ['../_base_/methods/halp_slim_small.py', '../_base_/datasets/msrc12_xsub.py']

model = dict(
    encoder=dict(layout='kinect_v1'),
    heads=dict(
        contrast=dict(warmup_epochs=3),
        masked=dict(warmup_epochs=3),
        halp=dict(start_epoch=7, num_newest=256, num_prototypes=20),
    ),
)
train_cfg = dict(max_epochs=17)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=2, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-06,
        begin=2,
        T_max=15,
        end=17,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingParamScheduler',
        param_name='weight_decay',
        eta_min_ratio=5.0,
        T_max=17,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=1), evaluation=dict(interval=3))
