# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 3096 clips of xsub_train, tested on 3116 of xsub_test; median 69 frames, 1 person.
_base_ = ['../_base_/methods/h_transformer_small.py', '../_base_/datasets/msrc12_xsub.py']

model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
train_cfg = dict(max_epochs=17)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=2, convert_to_iter_based=True),
    dict(type='PolyLR', power=1.0, begin=2, end=17, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=1), evaluation=dict(interval=3))
