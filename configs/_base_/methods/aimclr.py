# AimCLR is SkeletonCLR with a third, extreme view, of which one map has parts dropped, and two
# stages: InfoNCE, then nearest neighbours.
_base_ = './skeletonclr.py'

method = 'AimCLR'
model = dict(
    derived_maps=dict(
        extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.7)
    ),
    heads=dict(
        moco=dict(end_epoch=150),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=150),
        d3m=dict(type='D3MHead', temperature=0.07),
    ),
)

extreme = [
    *_base_.normal,
    dict(type='RandomChoice', transforms=[dict(type='SpatialFlip')], probabilities=[0.5]),
    dict(type='Rotate', main_degrees=(0, 30), other_degrees=(0, 1)),
    dict(
        type='RandomChoice',
        transforms=[dict(type='GaussianNoise', std=0.01)],
        probabilities=[0.5],
    ),
    dict(
        type='RandomChoice',
        transforms=[dict(type='GaussianBlur', kernel_size=15, sigma=(0.1, 2.0))],
        probabilities=[0.5],
    ),
    dict(type='RandomChoice', transforms=[dict(type='AxisMask')], probabilities=[0.5]),
    dict(type='RandomChoice', transforms=[dict(type='TemporalFlip')], probabilities=[0.5]),
]
data_preprocessor = dict(views=dict(extreme=extreme))
