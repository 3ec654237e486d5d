# SeBiReNet sized for a few hundred short clips and 2 CPU cores.
_base_ = ['./sebirenet.py', '../evaluation/small.py']

# A feature tells what comes first.
model = dict(encoder=dict(num_segments=4))
data_preprocessor = dict(
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.1, 1.0), min_frames=12, num_frames=8)]
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=0.003, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=5),
    dict(type='CosineAnnealingLR', begin=5, end=100, T_max=95),
]

protocols = dict(
    **_base_.small,
    recurrent=dict(
        hidden_size=128,
        epochs=40,
        batch_size=32,
        milestones=[30],
        train_view=_base_.small.finetune.train_view,
    ),
)
