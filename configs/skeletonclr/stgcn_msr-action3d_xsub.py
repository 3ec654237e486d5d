# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 284 clips of xsub_train, tested on 273 of xsub_test; median 38 frames, 1 person.
_base_ = ['../_base_/methods/skeletonclr_small.py', '../_base_/datasets/msr-action3d_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(layout='msr_action3d'), queue_size=256)
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
train_cfg = dict(max_epochs=188)
param_scheduler = [dict(type='MultiStepLR', milestones=[150], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=18), evaluation=dict(interval=37))
