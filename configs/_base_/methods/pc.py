# P&C, Predict & Cluster: a clip is regenerated from its feature by a decoder that is kept weak,
# here by random weights that stay.
# One person a clip and batches of 256: the data set's people and loader are set in the configs.
_base_ = ['../evaluation/pc.py', '../default_runtime.py']

method = 'P&C'
model = dict(
    type='Pretrainer',
    encoder=dict(
        type='BiGRU',
        num_people=1,
        hidden_size=1024,
        num_layers=3,
        bidirectional=True,
        input_norm=None,
        pooling='final',
    ),
    heads=dict(regeneration=dict(type='RegenerationHead', fixed='weights')),
    streams=['joint'],
)

skipped_frames = dict(type='StrideFrames', num_frames=50)
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='ViewInvariantNormalize3D'), dict(type='MinMaxNormalize')],
    views=dict(clean=[skipped_frames]),
    evaluation_view=[skipped_frames],
)

# 15,000 iterations in batches of 256 of the 40,091 clips of NTU-60 x-sub.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=96)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4),
    clip_grad=dict(max_norm=25),
)
param_scheduler = [dict(type='StepLR', step_size=1000, gamma=0.95, by_epoch=False)]
