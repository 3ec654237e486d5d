# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 3096 clips of xsub_train, tested on 3116 of xsub_test; median 69 frames, 1 person.
_base_ = ['../_base_/methods/moco_nnm_small.py', '../_base_/datasets/msrc12_xsub.py']

model = dict(
    encoder=dict(num_people=1, layout='kinect_v1'),
    heads=dict(moco=dict(end_epoch=6), nnm=dict(start_epoch=6)),
)
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
train_cfg = dict(max_epochs=31)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=2),
    dict(type='CosineAnnealingLR', begin=2, end=31, T_max=29),
]
default_hooks = dict(checkpoint=dict(interval=3), evaluation=dict(interval=6))
