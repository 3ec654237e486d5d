# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 431 clips of xsub_train, tested on 430 of xsub_test; median 67 frames, 1 person.
_base_ = ['../_base_/methods/halp_slim_small.py', '../_base_/datasets/utd-mhad_xsub.py']

model = dict(
    encoder=dict(layout='utd_mhad'),
    heads=dict(
        contrast=dict(warmup_epochs=27),
        masked=dict(warmup_epochs=27),
        halp=dict(start_epoch=53, num_newest=256, num_prototypes=20),
    ),
    queue_size=256,
)
train_cfg = dict(max_epochs=133)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=13, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-06,
        begin=13,
        T_max=120,
        end=133,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingParamScheduler',
        param_name='weight_decay',
        eta_min_ratio=5.0,
        T_max=133,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=13), evaluation=dict(interval=26))
