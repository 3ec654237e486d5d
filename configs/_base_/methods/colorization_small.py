# Skeleton Cloud Colorization sized for a few hundred short clips and 2 CPU cores, in colours of
# time and of joints: many of the small data sets show one person.
_base_ = './colorization.py'

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
    epochs=40,
    batch_size=32,
    learning_rate=0.05,
    milestones=[30],
    train_view=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=10)],
)
protocols = dict(
    # The linear layer sees the same crops in every epoch, so features are computed once.
    linear=dict(
        standardize=True,
        learning_rate=0.01,
        weight_decay=0.05,
        epochs=100,
        milestones=[60, 85],
        train_view=None,
    ),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
