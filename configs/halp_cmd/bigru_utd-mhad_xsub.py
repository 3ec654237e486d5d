# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 431 clips of xsub_train, tested on 430 of xsub_test; median 67 frames, 1 person.
_base_ = ['../_base_/methods/halp_cmd_small.py', '../_base_/datasets/utd-mhad_xsub.py']

model = dict(
    encoder=dict(num_people=1, layout='utd_mhad'),
    heads=dict(halp=dict(start_epoch=100, num_newest=256, num_prototypes=20), cmd=dict(top_k=128)),
    queue_size=256,
)
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
train_cfg = dict(max_epochs=250)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=12),
    dict(type='CosineAnnealingLR', begin=12, end=250, T_max=238),
]
default_hooks = dict(checkpoint=dict(interval=25), evaluation=dict(interval=50))
