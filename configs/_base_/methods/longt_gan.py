# LongT GAN: an encoder passes a clip on in one vector, from which a decoder fills in a masked copy;
# a discriminator tells clips that were filled in from recordings.
_base_ = ['../evaluation/gru.py', '../default_runtime.py']

method = 'LongT GAN'
model = dict(
    type='Pretrainer',
    # Two GRUs of 400 units a layer, and the feature is their last state: 800 units.
    encoder=dict(type='BiGRU', num_people=2, hidden_size=400, num_layers=2, pooling='final'),
    heads=dict(
        inpainting=dict(
            type='InpaintingHead',
            adversarial_weight=0.01,
            hidden_size=800,
            num_layers=2,
            discriminator_size=256,
            discriminator_layers=1,
        )
    ),
    streams=['joint'],
)

data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='PreNormalize3D')],
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=64, num_frames=64)],
        masked=dict(
            base='clean', transforms=[dict(type='SpatioTemporalMask', ratio=0.5, cell_frames=4)]
        ),
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=64)],
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=200)
# The schedule applies to both optimizers.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='SeparateOptimizers',
    optimizer=dict(type='Adam', lr=1e-3),
    separate=dict(discriminators=dict(type='Adam', lr=1e-4, betas=(0.5, 0.999))),
    clip_grad=dict(max_norm=25),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[150], gamma=0.1)]
