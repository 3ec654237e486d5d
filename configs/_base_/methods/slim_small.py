# SLiM sized for a few hundred short clips and 2 CPU cores.
_base_ = ['./slim.py', '../evaluation/small.py']

prototypes = dict(
    num_prototypes=256,
    projector=dict(hidden_dim=[128], out_dim=64),
    warmup_epochs=20,
    frozen_epochs=1,
)
model = dict(
    encoder=dict(embed_dim=64, depth=2, num_heads=4),
    heads=dict(
        contrast=dict(
            student_views=[
                'masked_1',
                'masked_2',
                'local_1_16',
                'local_1_8',
                'local_2_16',
                'local_2_8',
            ],
            **prototypes,
        ),
        masked=prototypes,
    ),
    momentum=0.99,
)

whole = dict(_base_.whole, num_frames=32, min_frames=12)
local_16 = [
    dict(type='TemporalCropSample', ratio=(0.3, 0.7), num_frames=16, min_frames=8),
    *_base_.of_local,
]
local_8 = [
    dict(type='TemporalCropSample', ratio=(0.15, 0.4), num_frames=8, min_frames=8),
    *_base_.of_local,
]
window = [dict(type='TemporalCrop', ratio=(0.5, 1.0), min_frames=12)]
large = dict(transforms=[whole, *_base_.bodies, _base_.some_turn, _base_.noise])
data_preprocessor = dict(
    views=dict(
        # Short clips are not repeated.
        person=[dict(type='RandomPerson'), dict(type='FirstFrameNormalize')],
        window_1=dict(transforms=window),
        window_2=dict(transforms=window),
        global_1=large,
        global_2=large,
        local_1_32=None,
        local_1_16=dict(transforms=local_16),
        local_1_16_again=None,
        local_1_8=dict(transforms=local_8),
        local_2_32=None,
        local_2_16=dict(transforms=local_16),
        local_2_16_again=None,
        local_2_8=dict(transforms=local_8),
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=10, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        begin=10,
        T_max=90,
        end=100,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingParamScheduler',
        param_name='weight_decay',
        eta_min_ratio=5.0,
        T_max=100,
        convert_to_iter_based=True,
    ),
]

finetune = dict(_base_.small.finetune, learning_rate=0.01)
protocols = dict(
    linear=dict(_base_.small.linear, cosine=False),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
