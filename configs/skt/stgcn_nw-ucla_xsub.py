# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 724 clips of xsub_train, tested on 760 of xsub_test; median 32 frames, 1 person.
_base_ = ['../_base_/methods/skt_small.py', '../_base_/datasets/nw-ucla_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
train_cfg = dict(max_epochs=68)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=3, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=3, T_max=65, end=68, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=6), evaluation=dict(interval=13))
