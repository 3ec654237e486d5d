# SkeletonBT sized for a few hundred short clips and 2 CPU cores.
_base_ = ['./skeletonbt.py', '../evaluation/standardized_linear.py']

model = dict(
    encoder=dict(
        base_channels=8,
        stages=(2, 2, 2),
        feature_dim=64,
        dropout=0.0,
        # As in moco_small.py.
        input_norm='axis',
        num_segments=4,
    ),
    projector=dict(hidden_dim=[256, 256], out_dim=256),
)
data_preprocessor = dict(normalization=[dict(type='RelativeNormalize3D', num_frames=32)])

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=5, T_max=95, end=100, convert_to_iter_based=True),
]
protocols = dict(linear=_base_.standardized_linear)
