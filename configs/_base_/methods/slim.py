# SLiM: a student predicts a teacher's prototypes of other crops, and of what a mask hides.
# In batches of 768: the data set's loader is set in the configs.
_base_ = ['../evaluation/transformer.py', '../default_runtime.py']

method = 'SLiM'
prototypes = dict(
    num_prototypes=65536,
    projector=dict(type='Projector', hidden_dim=[2048, 2048], out_dim=256, activation='GELU'),
    teacher_temperature=0.07,
    initial_temperature=0.04,
    warmup_epochs=720,
    frozen_epochs=24,
)
model = dict(
    type='Pretrainer',
    encoder=dict(type='SLiMTransformer', cell_frames=8, embed_dim=256, depth=8, num_heads=8),
    heads=dict(
        contrast=dict(
            type='PrototypeHead',
            student_views=[
                'masked_1',
                'masked_2',
                'local_1_32',
                'local_1_16',
                'local_1_16_again',
                'local_1_8',
                'local_2_32',
                'local_2_16',
                'local_2_16_again',
                'local_2_8',
            ],
            teacher_views=['global_1', 'global_2'],
            masked_views=dict(masked_1='global_1', masked_2='global_2'),
            part='class',
            **prototypes,
        ),
        masked=dict(
            type='MaskedPrototypeHead',
            views=dict(masked_1='global_1', masked_2='global_2'),
            **prototypes,
        ),
        koleo=dict(type='KoLeoHead', views=['masked_1', 'masked_2'], part='class', weight=0.1),
    ),
    streams=['joint'],
    momentum=0.994,
    final_momentum=1.0,
)

bodies = [
    dict(
        type='RandomChoice',
        transforms=[dict(type='SpatialFlip', mirror=True)],
        probabilities=[0.5],
    ),
    dict(type='RandomChoice', transforms=[dict(type='LimbScaling')], probabilities=[0.5]),
]
# 0.3 radians about each axis.
turn = dict(type='Rotate', main_degrees=(-17.2, 17.2), other_degrees=(-17.2, 17.2))
some_turn = dict(type='RandomChoice', transforms=[turn], probabilities=[0.5])
noise = dict(type='GaussianNoise', std=0.01)
some_noise = dict(type='RandomChoice', transforms=[noise], probabilities=[0.5])
whole = dict(type='TemporalCropSample', ratio=(1.0, 1.0), num_frames=64, min_frames=16)
some_masked = [dict(type='SemanticTubeMask', ratio=(0.5, 0.9), probability=0.5)]
of_local = [*bodies, some_turn, some_noise, dict(type='SemanticTubeMask', ratio=(0.5, 0.9))]
local_32 = [
    dict(type='TemporalCropSample', ratio=(0.35, 0.7), num_frames=32, min_frames=16),
    *of_local,
]
local_16 = [
    dict(type='TemporalCropSample', ratio=(0.15, 0.4), num_frames=16, min_frames=16),
    *of_local,
]
local_8 = [
    dict(type='TemporalCropSample', ratio=(0.05, 0.2), num_frames=8, min_frames=8),
    *of_local,
]
window = [dict(type='TemporalCrop', ratio=(0.5, 1.0), min_frames=16)]
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='FirstFrameNormalize')],
    views=dict(
        # Views of a clip show one person. Local crops lie within the window of a global one.
        person=[
            dict(type='RandomPerson'),
            dict(type='FirstFrameNormalize'),
            dict(type='MirroredRepeat', min_frames=150),
        ],
        window_1=dict(base='person', transforms=window),
        window_2=dict(base='person', transforms=window),
        global_1=dict(base='window_1', transforms=[whole, *bodies, some_turn, noise]),
        global_2=dict(
            base='window_2',
            transforms=[
                whole,
                *bodies,
                some_turn,
                dict(
                    type='RandomChoice',
                    transforms=[dict(type='GaussianNoise', std=0.05)],
                    probabilities=[0.1],
                ),
                dict(type='RandomChoice', transforms=[dict(type='AxisMask')], probabilities=[0.2]),
            ],
        ),
        masked_1=dict(base='global_1', transforms=some_masked),
        masked_2=dict(base='global_2', transforms=some_masked),
        local_1_32=dict(base='window_1', transforms=local_32),
        local_1_16=dict(base='window_1', transforms=local_16),
        local_1_16_again=dict(base='window_1', transforms=local_16),
        local_1_8=dict(base='window_1', transforms=local_8),
        local_2_32=dict(base='window_2', transforms=local_32),
        local_2_16=dict(base='window_2', transforms=local_16),
        local_2_16_again=dict(base='window_2', transforms=local_16),
        local_2_8=dict(base='window_2', transforms=local_8),
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=64)],
)

# 150 epochs of 1,250 iterations, which are about 3,600 of the clips of NTU-60 x-sub.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3600)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.73e-4, weight_decay=0.04),
    clip_grad=dict(max_norm=3.0),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={'token_embedding': dict(lr_mult=0.2)},
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=480, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-6, begin=480, T_max=3120, convert_to_iter_based=True),
    # The weight decay grows to five times its first value, 0.2.
    dict(
        type='CosineAnnealingParamScheduler',
        param_name='weight_decay',
        eta_min_ratio=5.0,
        T_max=3600,
        convert_to_iter_based=True,
    ),
]

train_view = [
    dict(type='TemporalCropSample', ratio=(0.5, 1.0), num_frames=64, min_frames=16),
    *bodies,
    dict(
        type='RandomChoice',
        # Any turn about the vertical axis.
        transforms=[
            dict(type='Rotate', main_degrees=(-180, 180), other_degrees=(-17.2, 17.2), axis='y')
        ],
        probabilities=[0.5],
    ),
    some_noise,
]
protocols = dict(
    linear=dict(epochs=32, batch_size=64, learning_rate=0.01, cosine=True, train_view=train_view),
    finetune=dict(train_view=train_view),
    semi=dict(train_view=train_view),
    transfer=dict(train_view=train_view),
)
