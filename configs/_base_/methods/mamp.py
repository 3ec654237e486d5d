# MAMP: the motion of hidden joints is predicted, and motion says what is hidden.
# In batches of 128: the data set's loader is set in the configs.
_base_ = ['../evaluation/transformer.py', '../default_runtime.py']

method = 'MAMP'
model = dict(
    type='Pretrainer',
    encoder=dict(
        type='SpatioTemporalTransformer', num_frames=120, embed_dim=256, depth=8, num_heads=8
    ),
    heads=dict(
        masked=dict(
            type='MaskedPredictionHead',
            target='motion',
            cell_frames=4,
            decoder=dict(type='TransformerDecoder', depth=5, num_heads=8),
        )
    ),
    streams=['joint'],
)

data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='FirstFrameNormalize')],
    views=dict(
        clean=[
            dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=64, num_frames=120),
            # 0.3 radians about each axis.
            dict(type='Rotate', main_degrees=(-17.2, 17.2), other_degrees=(-17.2, 17.2)),
        ],
        masked=dict(
            base='clean', transforms=[dict(type='MotionAwareMask', ratio=0.9, temperature=0.8)]
        ),
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=120)],
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=400)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=20, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=5e-4, begin=20, T_max=380, convert_to_iter_based=True),
]
