# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 284 clips of xsub_train, tested on 273 of xsub_test; median 38 frames, 1 person.
_base_ = ['../_base_/methods/h_transformer_small.py', '../_base_/datasets/msr-action3d_xsub.py']

model = dict(encoder=dict(layout='msr_action3d'))
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
train_cfg = dict(max_epochs=200)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=20, convert_to_iter_based=True),
    dict(type='PolyLR', power=1.0, begin=20, end=200, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=20), evaluation=dict(interval=40))
