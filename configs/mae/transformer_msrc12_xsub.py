# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 3096 clips of xsub_train, tested on 3116 of xsub_test; median 69 frames, 1 person.
_base_ = ['../_base_/methods/mae_small.py', '../_base_/datasets/msrc12_xsub.py']

model = dict(encoder=dict(layout='kinect_v1'))
train_cfg = dict(max_epochs=17)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=1, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=5e-05,
        begin=1,
        T_max=16,
        end=17,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=1), evaluation=dict(interval=3))
