# Skeleton Cloud Colorization sized for a few hundred short clips and 2 CPU cores, in colours of
# time and of joints: many of the small data sets show one person.
_base_ = ['./colorization.py', '../evaluation/small.py']

model = dict(
    encoder=dict(channels=(16, 32, 64), feature_dim=128, num_neighbours=8),
    heads=dict(
        temporal=dict(grid_size=14, hidden_dim=64),
        spatial=dict(grid_size=14, hidden_dim=64),
        person=None,
    ),
    streams=dict(_delete_=True, temporal='joint', spatial='joint'),
)
data_preprocessor = dict(
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=10)]
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=10)],
)

train_cfg = dict(max_epochs=100)
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=1e-5, T_max=100)]

finetune = dict(
    _base_.small.finetune,
    train_view=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=10)],
)
protocols = dict(linear=_base_.small.linear, finetune=finetune, semi=finetune, transfer=finetune)
