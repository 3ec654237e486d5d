# MS2L sized for some hundred to some thousand clips and 2 CPU cores: crops of 32 frames, and the
# encoder and optimiser of MoCo's small recipe.
_base_ = './ms2l.py'

model = dict(
    encoder=dict(
        hidden_size=128,
        num_layers=1,
        input_norm='axis',
        motion=True,
        pooling='max',
        num_segments=4,
    ),
    projector=dict(hidden_dim=256, out_dim=64),
    heads=dict(motion=dict(num_layers=1), jigsaw=dict(hidden_dim=256)),
)
crop = dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32)
data_preprocessor = dict(
    views=dict(
        clean=[crop, dict(type='Shear', amplitude=0.5), dict(type='JointOffset', std=0.2)],
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

train_cfg = dict(max_epochs=200)
# Matrices of this size are no faster with more threads.
num_threads = 1
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.003, weight_decay=0.01),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=10),
    dict(type='CosineAnnealingLR', begin=10, end=200, T_max=190),
]

finetune = dict(epochs=40, batch_size=32, milestones=[30], train_view=[crop])
protocols = dict(
    linear=dict(
        standardize=True,
        learning_rate=0.01,
        weight_decay=0.05,
        batch_size=64,
        epochs=100,
        milestones=[60, 85],
    ),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
