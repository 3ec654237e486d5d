# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 724 clips of xsub_train, tested on 760 of xsub_test; median 32 frames, 1 person.
_base_ = ['../_base_/methods/ascal_small.py', '../_base_/datasets/nw-ucla_xsub.py']

view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=10, num_frames=32),
    dict(type='RandomChoice', transforms=[dict(type='TemporalFlip')], probabilities=[0.5]),
    dict(type='Shear', amplitude=1.0),
]
model = dict(encoder=dict(num_people=1, layout='kinect_v1'), queue_size=512)
data_preprocessor = dict(views=dict(query=view, key=view))
train_cfg = dict(max_epochs=55)
param_scheduler = [dict(type='MultiStepLR', milestones=[28], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=5), evaluation=dict(interval=11))
