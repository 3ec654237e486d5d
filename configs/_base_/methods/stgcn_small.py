# ST-GCN sized for a few hundred clips in batches of 32. They are learned by heart unless they are
# varied; the learning rate stays up for longer, since epochs are short, and weights decay faster.
_base_ = ['./stgcn.py', '../evaluation/standardized_linear.py']

model = dict(
    encoder=dict(
        base_channels=16,
        stages=(2, 2, 2),
        feature_dim=64,
        dropout=0.25,
        # As in moco_small.py.
        input_norm='axis',
        num_segments=4,
    )
)
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32)],
    views=dict(
        clip=[
            dict(type='TemporalCropResize', ratio=(0.7, 1.0), min_frames=16, num_frames=32),
            dict(type='Shear', amplitude=0.3),
        ]
    ),
)
optim_wrapper = dict(optimizer=dict(lr=0.05, weight_decay=1e-3))
param_scheduler = [dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1)]
protocols = dict(linear=_base_.standardized_linear)
