# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 284 clips of xsub_train, tested on 273 of xsub_test; median 38 frames, 1 person.
_base_ = ['../_base_/methods/halp_slim_small.py', '../_base_/datasets/msr-action3d_xsub.py']

model = dict(
    encoder=dict(layout='msr_action3d'),
    heads=dict(
        contrast=dict(warmup_epochs=40),
        masked=dict(warmup_epochs=40),
        halp=dict(start_epoch=80, num_newest=256, num_prototypes=20),
    ),
    queue_size=256,
)
train_cfg = dict(max_epochs=200)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=20, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-06,
        begin=20,
        T_max=180,
        end=200,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingParamScheduler',
        param_name='weight_decay',
        eta_min_ratio=5.0,
        T_max=200,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=20), evaluation=dict(interval=40))
