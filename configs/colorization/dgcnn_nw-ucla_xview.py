# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/colorization_small.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn='median', center='clip')],
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=11, num_frames=10)]
    ),
)
train_cfg = dict(max_epochs=27)
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=1e-05, T_max=27)]
default_hooks = dict(checkpoint=dict(interval=2), evaluation=dict(interval=5))
