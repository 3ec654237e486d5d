# H-Transformer: a transformer over frames predicts in which direction each joint moves next. Of one
# person; in batches of 32: the data set's loader is set in the configs.
_base_ = ['../evaluation/gcn.py', '../default_runtime.py']

method = 'H-Transformer'
model = dict(
    type='Pretrainer',
    encoder=dict(
        type='HierarchicalTransformer',
        num_people=1,
        num_frames=150,
        hidden_size=2048,
        num_layers=4,
        mlp_ratio=4.0,
        dropout=0.1,
    ),
    heads=dict(
        direction=dict(type='DirectionHead', view='chosen', target_view='clean', num_units=64)
    ),
    streams=['joint'],
)

frames = [dict(type='StrideFrames', num_frames=150)]
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='MinMaxNormalize')],
    views=dict(
        clean=frames,
        # With hides=True, the encoder does not see the frames whose motion it predicts.
        chosen=dict(base='clean', transforms=[dict(type='FrameChoice', ratio=0.15, hides=False)]),
    ),
    evaluation_view=frames,
)

# 100,000 steps on NTU-60.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=80)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=8, convert_to_iter_based=True),
    dict(type='PolyLR', power=1.0, begin=8, end=80, convert_to_iter_based=True),
]

# The release gives the linear layer's learning rate, batch and 50,000 steps. What trains the
# encoder as well has the learning rate and batches of pre-training.
finetune = dict(optimizer='Adam', epochs=80, batch_size=32, learning_rate=1e-4, cosine=True)
protocols = dict(
    linear=dict(optimizer='Adam', epochs=80, batch_size=64, learning_rate=1e-3, milestones=[]),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
