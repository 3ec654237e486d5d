# MAMP sized for a few hundred short clips and 2 CPU cores.
_base_ = ['./mamp.py', '../evaluation/small.py']

model = dict(
    # A feature tells what comes first.
    encoder=dict(num_frames=32, embed_dim=64, depth=3, num_heads=4, num_segments=4),
    heads=dict(masked=dict(decoder=dict(depth=2, num_heads=4))),
)
data_preprocessor = dict(
    views=dict(
        clean=[
            dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32),
            dict(type='Rotate', main_degrees=(-17.2, 17.2), other_degrees=(-17.2, 17.2)),
        ],
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

train_cfg = dict(max_epochs=100)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=5, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=5e-5,
        begin=5,
        T_max=95,
        end=100,
        convert_to_iter_based=True,
    ),
]

finetune = dict(_base_.small.finetune, learning_rate=0.01)
protocols = dict(
    # The linear layer sees the same crops in every epoch, so features are computed once.
    linear=dict(learning_rate=1.0, epochs=200, milestones=[120, 170], train_view=None),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
