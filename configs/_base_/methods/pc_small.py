# P&C sized for some hundred to some thousand clips and 2 CPU cores: a single layer, and whole clips
# resized to 32 frames. docs/benchmarks.md says what each choice is worth.
_base_ = './pc.py'

model = dict(encoder=dict(hidden_size=256, num_layers=1))
resized = dict(type='CenterCropResize', ratio=1.0, num_frames=32)
data_preprocessor = dict(views=dict(clean=[resized]), evaluation_view=[resized])

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=3),
    dict(type='CosineAnnealingLR', begin=3, end=100, T_max=97),
]
