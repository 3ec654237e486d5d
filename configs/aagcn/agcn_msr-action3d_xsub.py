# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 284 clips of xsub_train, tested on 273 of xsub_test; median 38 frames, 1 person.
_base_ = ['../_base_/methods/aagcn_small.py', '../_base_/datasets/msr-action3d_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(num_people=1, layout='msr_action3d'), num_classes=20)
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)],
    views=dict(
        clip=[
            dict(type='TemporalCropResize', ratio=(0.7, 1.0), min_frames=12, num_frames=32),
            dict(type='Shear', amplitude=0.3),
        ],
    ),
)
train_cfg = dict(max_epochs=188)
param_scheduler = [dict(type='MultiStepLR', milestones=[118, 164], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=18), evaluation=dict(interval=37))
