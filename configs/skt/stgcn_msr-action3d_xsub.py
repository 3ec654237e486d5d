# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 284 clips of xsub_train, tested on 273 of xsub_test; median 38 frames, 1 person.
_base_ = ['../_base_/methods/skt_small.py', '../_base_/datasets/msr-action3d_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(layout='msr_action3d'))
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
train_cfg = dict(max_epochs=188)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=9, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=9, T_max=179, end=188, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=18), evaluation=dict(interval=37))
