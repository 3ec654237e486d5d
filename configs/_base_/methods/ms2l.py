# MS2L: a GRU that predicts the motion of a clip's cut end, recognises the order of shuffled
# segments, and contrasts the clip with both. In batches of 256: the data set's loader is set in the
# configs.
_base_ = ['../evaluation/gru.py', '../default_runtime.py']

method = 'MS2L'
model = dict(
    type='Pretrainer',
    encoder=dict(
        type='BiGRU',
        num_people=2,
        hidden_size=300,
        num_layers=2,
        bidirectional=True,
        input_norm=None,
        pooling='valid',
    ),
    projector=dict(
        type='Projector', hidden_dim=2048, out_dim=1024, batch_norm=True, normalize=False
    ),
    heads=dict(
        motion=dict(type='MotionPredictionHead', view='cut', target_view='clean', num_layers=2),
        jigsaw=dict(type='JigsawHead', view='shuffled', num_segments=3, hidden_dim=2048),
        contrast=dict(type='MeanContrastHead', views=['clean', 'cut', 'shuffled'], temperature=0.9),
    ),
    streams=['joint'],
)

clip = [dict(type='FixedLength', num_frames=300)]
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='PreNormalize3D')],
    views=dict(
        clean=clip,
        cut=dict(base='clean', transforms=[dict(type='TemporalMask', ratio=0.3)]),
        shuffled=dict(base='clean', transforms=[dict(type='Jigsaw', num_segments=3)]),
    ),
    evaluation_view=clip,
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[30], gamma=0.1)]

# Everything is trained in the same way, with the encoder or without.
schedule = dict(
    optimizer='Adam',
    epochs=60,
    batch_size=256,
    learning_rate=1e-3,
    milestones=[30],
    train_view=None,
)
protocols = dict(linear=schedule, finetune=schedule, semi=schedule, transfer=schedule)
