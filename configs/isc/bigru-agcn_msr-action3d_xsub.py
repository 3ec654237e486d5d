# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 284 clips of xsub_train, tested on 273 of xsub_test; median 38 frames, 1 person.
_base_ = ['../_base_/methods/isc_small.py', '../_base_/datasets/msr-action3d_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(
    encoder=dict(
        sequence=dict(num_people=1, layout='msr_action3d'),
        graph=dict(num_people=1, layout='msr_action3d'),
    ),
    queue_size=256,
)
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
train_cfg = dict(max_epochs=188)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=9),
    dict(type='CosineAnnealingLR', begin=9, end=188, T_max=179),
]
default_hooks = dict(checkpoint=dict(interval=18), evaluation=dict(interval=37))
