# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/pc_small.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn='median', center='clip')])
default_hooks = dict(evaluation=dict(interval=20))
