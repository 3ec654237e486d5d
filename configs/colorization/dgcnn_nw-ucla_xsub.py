# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 724 clips of xsub_train, tested on 760 of xsub_test; median 32 frames, 1 person.
_base_ = ['../_base_/methods/colorization_small.py', '../_base_/datasets/nw-ucla_xsub.py']

model = dict(encoder=dict(layout='kinect_v1'))
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn=None, center='clip')],
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=10, num_frames=10)]
    ),
)
train_cfg = dict(max_epochs=36)
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=1e-05, T_max=36)]
default_hooks = dict(checkpoint=dict(interval=3), evaluation=dict(interval=7))
