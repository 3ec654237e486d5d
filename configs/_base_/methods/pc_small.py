# P&C sized for some hundred to some thousand clips and 2 CPU cores: whole clips of 32 frames, and
# the norm and the feature of MoCo's small recipe. The decoder is trained, as in the PyTorch
# release: from a random one no small encoder has learned anything yet.
_base_ = ['./pc.py', '../evaluation/small.py']

model = dict(
    # The decoder is as wide as the feature, of four segments in both directions.
    encoder=dict(hidden_size=64, num_layers=1, input_norm='axis', pooling='mean', num_segments=4),
    heads=dict(regeneration=dict(as_released=True)),
)
resized = dict(type='CenterCropResize', ratio=1.0, num_frames=32)
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D')],
    views=dict(clean=[resized]),
    evaluation_view=[resized],
)

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=3),
    dict(type='CosineAnnealingLR', begin=3, end=100, T_max=97),
]

protocols = _base_.small
