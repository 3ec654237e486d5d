# AimCLR sized for a few hundred short clips in batches of 32, on 2 CPU cores.
_base_ = ['./aimclr.py', '../evaluation/standardized_linear.py']

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
    heads=dict(moco=dict(end_epoch=50), nnm=dict(start_epoch=50)),
    queue_size=1024,
    momentum=0.99,
)
data_preprocessor = dict(normalization=[dict(type='RelativeNormalize3D', num_frames=32)])

train_cfg = dict(max_epochs=100)
# At 0.01, three losses collapse the features of UTD-MHAD to three directions.
optim_wrapper = dict(optimizer=dict(lr=0.003))
param_scheduler = [dict(type='MultiStepLR', milestones=[80], gamma=0.1)]
protocols = dict(linear=_base_.standardized_linear)
