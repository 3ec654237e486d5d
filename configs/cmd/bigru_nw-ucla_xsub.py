# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 724 clips of xsub_train, tested on 760 of xsub_test; median 32 frames, 1 person.
_base_ = ['../_base_/methods/cmd_small.py', '../_base_/datasets/nw-ucla_xsub.py']

view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=10, num_frames=32),
    dict(type='Shear', amplitude=0.5),
    dict(type='JointOffset', std=0.2),
]
model = dict(
    encoder=dict(num_people=1, layout='kinect_v1', distances=True),
    queue_size=512,
    heads=dict(cmd=dict(top_k=256)),
)
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn=None, center='clip')],
    views=dict(query=view, key=view),
)
train_cfg = dict(max_epochs=136)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=7),
    dict(type='CosineAnnealingLR', begin=7, end=136, T_max=129),
]
default_hooks = dict(checkpoint=dict(interval=13), evaluation=dict(interval=27))
