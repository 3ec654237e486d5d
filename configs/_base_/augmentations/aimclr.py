# The views of AimCLR: those of SkeletonCLR, and an extreme one on top of them.
_base_ = './skeletonclr.py'

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
