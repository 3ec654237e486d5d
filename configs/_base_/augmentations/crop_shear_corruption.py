# The normalisation and the views of ISC, CMD and HaLP. Query and key are of one family.
view = [
    dict(type='TemporalCropResize', ratio=(0.1, 1.0), min_frames=64, num_frames=64),
    dict(
        type='RandomChoice',
        transforms=[
            dict(type='Shear', amplitude=1.0),
            dict(type='JointCorruption', joint_ratio=0.6),
        ],
    ),
]
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='PreNormalize3D')],
    views=dict(query=view, key=view),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=64)],
)
