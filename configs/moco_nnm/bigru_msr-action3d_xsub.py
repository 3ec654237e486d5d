# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 284 clips of xsub_train, tested on 273 of xsub_test; median 38 frames, 1 person.
_base_ = ['../_base_/methods/moco_nnm_small.py', '../_base_/datasets/msr-action3d_xsub.py']

model = dict(
    encoder=dict(num_people=1, layout='msr_action3d'),
    heads=dict(moco=dict(end_epoch=75), nnm=dict(start_epoch=75)),
    queue_size=256,
)
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
train_cfg = dict(max_epochs=375)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=19),
    dict(type='CosineAnnealingLR', begin=19, end=375, T_max=356),
]
default_hooks = dict(checkpoint=dict(interval=37), evaluation=dict(interval=75))
