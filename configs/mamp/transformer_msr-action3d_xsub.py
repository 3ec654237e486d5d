# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 284 clips of xsub_train, tested on 273 of xsub_test; median 38 frames, 1 person.
_base_ = ['../_base_/methods/mamp_small.py', '../_base_/datasets/msr-action3d_xsub.py']

model = dict(encoder=dict(layout='msr_action3d'))
train_cfg = dict(max_epochs=200)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=10, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=5e-05,
        begin=10,
        T_max=190,
        end=200,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=20), evaluation=dict(interval=40))
