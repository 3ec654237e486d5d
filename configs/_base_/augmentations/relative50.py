# The normalisation of SkeletonCLR, CrosSCLR and AimCLR, and no augmentation.
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='RelativeNormalize3D', num_frames=50)],
    views=dict(clip=[]),
)
