# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/halp_cmd_small.py', '../_base_/datasets/nw-ucla_xview.py']

view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=11, num_frames=32),
    dict(type='Shear', amplitude=0.5),
    dict(type='JointOffset', std=0.2),
]
model = dict(
    encoder=dict(num_people=1, layout='kinect_v1', distances=True),
    heads=dict(halp=dict(start_epoch=40, num_newest=256, num_prototypes=20), cmd=dict(top_k=256)),
    queue_size=512,
)
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn='median', center='clip')],
    views=dict(query=view, key=view),
)
train_cfg = dict(max_epochs=100)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=5),
    dict(type='CosineAnnealingLR', begin=5, end=100, T_max=95),
]
default_hooks = dict(evaluation=dict(interval=20))
