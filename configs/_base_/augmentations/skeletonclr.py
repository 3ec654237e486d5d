# The normalisation and the views of SkeletonCLR. Query and key are of one family.
normal = [
    dict(type='TemporalShiftCrop', padding_ratio=6),
    dict(type='Shear', amplitude=0.5),
]
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='RelativeNormalize3D', num_frames=50)],
    views=dict(query=normal, key=normal),
    evaluation_view=[],
)
