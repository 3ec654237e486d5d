# AS-CAL: MoCo on an LSTM without a projector; features are contrasted as they are. In batches of
# 32: the data set's loader is set in the configs.
_base_ = ['../evaluation/gcn.py', '../default_runtime.py']

method = 'AS-CAL'
model = dict(
    type='Pretrainer',
    encoder=dict(type='LSTM', num_people=2, hidden_size=256),
    projector=dict(type='FeatureAsEmbedding'),
    heads=dict(moco=dict(type='MoCoHead', temperature=0.06)),
    streams=['joint'],
    queue_size=16384,
    momentum=0.999,
)

first_frames = dict(type='FixedLength', num_frames=150)
# The best of its pairs of augmentations. Query and key are of one family.
view = [
    first_frames,
    dict(type='RandomChoice', transforms=[dict(type='TemporalFlip')], probabilities=[0.5]),
    dict(type='Shear', amplitude=1.0),
]
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='SubtractJoint')],
    views=dict(query=view, key=view),
    evaluation_view=[first_frames],
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[30], gamma=0.1)]

# Of what trains the encoder as well, the release gives the learning rate.
finetune = dict(batch_size=32, learning_rate=0.01)
protocols = dict(
    linear=dict(batch_size=32, learning_rate=1.0, milestones=[15, 35, 60, 75, 90], gamma=0.5),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
