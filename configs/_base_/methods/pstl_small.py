# PSTL sized for a few hundred short clips and 2 CPU cores.
_base_ = './skeletonbt_small.py'

method = 'PSTL'
model = dict(
    heads=dict(
        twins=dict(other_view='fewer_frames'),
        spatial_twins=dict(
            type='CrossCorrelationHead', off_diagonal_weight=2e-4, other_view='fewer_joints'
        ),
    )
)
data_preprocessor = dict(
    views=dict(
        other_query=None,
        fewer_frames=[*_base_.view, dict(type='MotionFrameDrop', num_frames=6)],
        fewer_joints=[*_base_.view, dict(type='NeighbourWeightedJointMask', num_draws=8)],
    )
)
