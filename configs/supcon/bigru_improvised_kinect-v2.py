# The encoder shipped:kinect_v2, and the base of those of other layouts.
_base_ = ['../_base_/methods/supcon.py', '../_base_/datasets/improvised.py']

model = dict(encoder=dict(num_people=1))
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None, center='clip')])
# Two performances of a piece in each batch.
train_dataloader = dict(batch_size=128, sampler=dict(_delete_=True, type='ClassPairSampler'))
train_cfg = dict(max_epochs=13)
param_scheduler = [
    # Its factor reaches 1 in the epoch before `end`.
    dict(type='LinearLR', start_factor=0.1, begin=0, end=2),
    dict(type='CosineAnnealingLR', begin=2, end=13, T_max=11),
]
default_hooks = dict(checkpoint=dict(interval=13))
