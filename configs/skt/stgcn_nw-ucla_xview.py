# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/skt_small.py', '../_base_/datasets/nw-ucla_xview.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=True)]
)
train_cfg = dict(max_epochs=48)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=2, T_max=46, end=48, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=4), evaluation=dict(interval=9))
