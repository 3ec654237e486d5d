# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 431 clips of xsub_train, tested on 430 of xsub_test; median 67 frames, 1 person.
_base_ = ['../_base_/methods/mamp_small.py', '../_base_/datasets/utd-mhad_xsub.py']

model = dict(encoder=dict(layout='utd_mhad'))
train_cfg = dict(max_epochs=133)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=7, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=5e-05,
        begin=7,
        T_max=126,
        end=133,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=13), evaluation=dict(interval=26))
