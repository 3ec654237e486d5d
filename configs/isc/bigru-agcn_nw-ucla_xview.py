# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/isc_small.py', '../_base_/datasets/nw-ucla_xview.py']

view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=11, num_frames=32),
    dict(type='Shear', amplitude=0.5),
    dict(type='JointOffset', std=0.2),
]
train_dataloader = dict(batch_size=32)
model = dict(
    encoder=dict(
        sequence=dict(num_people=1, layout='kinect_v1'),
        graph=dict(num_people=1, layout='kinect_v1'),
    ),
    queue_size=512,
)
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn='median', center='clip')],
    views=dict(query=view, key=view),
)
train_cfg = dict(max_epochs=48)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=2),
    dict(type='CosineAnnealingLR', begin=2, end=48, T_max=46),
]
default_hooks = dict(checkpoint=dict(interval=4), evaluation=dict(interval=9))
