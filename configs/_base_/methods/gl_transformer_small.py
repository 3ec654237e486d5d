# GL-Transformer sized for some hundred to some thousand clips and 2 CPU cores: views of 32 frames.
_base_ = ['./gl_transformer.py', '../evaluation/small.py']

model = dict(encoder=dict(num_frames=32, embed_dim=8, depth=2, num_heads=2))
view = [
    dict(type='TemporalCropResize', ratio=(0.8, 1.0), min_frames=12, num_frames=32),
    dict(type='Shear', amplitude=0.3, keep_center=True),
]
data_preprocessor = dict(
    views=dict(clean=view),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=5),
    dict(type='CosineAnnealingLR', begin=5, end=100, T_max=95),
]

finetune = dict(_base_.small.finetune, learning_rate=5e-4)
protocols = dict(
    linear=dict(_base_.small.linear, batch_size=64, optimizer='SGD'),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
