# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 724 clips of xsub_train, tested on 760 of xsub_test; median 32 frames, 1 person.
_base_ = ['../_base_/methods/pc_small.py', '../_base_/datasets/nw-ucla_xsub.py']

model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
train_cfg = dict(max_epochs=136)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=4),
    dict(type='CosineAnnealingLR', begin=4, end=136, T_max=132),
]
default_hooks = dict(checkpoint=dict(interval=13), evaluation=dict(interval=27))
