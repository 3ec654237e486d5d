# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 1020 clips of xview_train, tested on 464 of xview_test; median 34 frames, 1 person.
_base_ = ['../_base_/methods/longt_gan_small.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(encoder=dict(num_people=1, layout='kinect_v1'))
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', turn='median', center='clip')],
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=11, num_frames=32)],
        masked=dict(
            base='clean', transforms=[dict(type='SpatioTemporalMask', ratio=0.5, cell_frames=4)]
        ),
    ),
)
train_cfg = dict(max_epochs=100)
param_scheduler = [dict(type='MultiStepLR', milestones=[75], gamma=0.1)]
default_hooks = dict(evaluation=dict(interval=20))
