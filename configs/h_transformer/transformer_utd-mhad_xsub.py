# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 431 clips of xsub_train, tested on 430 of xsub_test; median 67 frames, 1 person.
_base_ = ['../_base_/methods/h_transformer_small.py', '../_base_/datasets/utd-mhad_xsub.py']

model = dict(encoder=dict(layout='utd_mhad'))
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
train_cfg = dict(max_epochs=133)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=13, convert_to_iter_based=True),
    dict(type='PolyLR', power=1.0, begin=13, end=133, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=13), evaluation=dict(interval=26))
