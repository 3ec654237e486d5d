# SkeletonCLR sized for a few hundred short clips in batches of 32, on 2 CPU cores: with larger
# steps features collapse to a few directions.
_base_ = ['./skeletonclr.py', '../evaluation/standardized_linear.py']

model = dict(
    encoder=dict(
        base_channels=8,
        stages=(2, 2, 2),
        feature_dim=128,
        dropout=0.0,
        # As in moco_small.py.
        input_norm='axis',
        num_segments=4,
    ),
    projector=dict(out_dim=64),
    queue_size=1024,
    momentum=0.99,
)
data_preprocessor = dict(normalization=[dict(type='RelativeNormalize3D', num_frames=32)])

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(optimizer=dict(lr=0.01))
param_scheduler = [dict(type='MultiStepLR', milestones=[80], gamma=0.1)]
protocols = dict(linear=_base_.standardized_linear)
