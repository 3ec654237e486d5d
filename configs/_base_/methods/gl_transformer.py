# GL-Transformer: from each frame's feature, direction and length of every joint's displacement over
# several intervals are predicted. In batches of 128: the data set's loader is set in the configs.
_base_ = ['../evaluation/gcn.py', '../default_runtime.py']

method = 'GL-Transformer'
model = dict(
    type='Pretrainer',
    encoder=dict(
        type='GLTransformer', num_people=2, num_frames=300, embed_dim=48, depth=4, num_heads=8
    ),
    heads=dict(
        displacement=dict(type='DisplacementHead', intervals=[1, 5, 10], trajectory_weight=0.05)
    ),
    streams=['joint'],
)

stretched = dict(type='TemporalStretch', amplitude=0.1, max_frames=300)
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='CenterTrajectory')],
    # The centre joint holds a person's path, which is not sheared.
    views=dict(clean=[stretched, dict(type='Shear', amplitude=0.3, keep_center=True)]),
    evaluation_view=[dict(type='FixedLength', num_frames=300)],
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=120)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-5, weight_decay=0.1),
)
param_scheduler = [dict(type='ExponentialLR', gamma=0.99)]

# The release has no settings for fine-tuning: they are those of SkeletonCLR's family, at the
# learning rate of pre-training.
finetune = dict(optimizer='Adam', learning_rate=5e-5)
protocols = dict(
    linear=dict(
        epochs=120,
        batch_size=1024,
        optimizer='Adam',
        learning_rate=3e-3,
        milestones=[],
        train_view=[stretched],
    ),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
