# MoCo on a BiGRU, the baseline of HaLP (Sec. 4.2), with the views of ISC and CMD.
_base_ = ['../evaluation/gru.py', '../default_runtime.py']

method = 'MoCo'
model = dict(
    type='Pretrainer',
    encoder=dict(type='BiGRU', num_people=2, hidden_size=1024, num_layers=3),
    projector=dict(type='Projector', out_dim=128),
    heads=dict(moco=dict(type='MoCoHead', temperature=0.07)),
    streams=['joint'],
    queue_size=16384,
    momentum=0.999,
)

# Query and key are of one family.
view = [
    dict(type='TemporalCropResize', ratio=(0.1, 1.0), min_frames=64, num_frames=64),
    dict(
        type='RandomChoice',
        transforms=[
            dict(type='Shear', amplitude=1.0),
            dict(type='JointCorruption', joint_ratio=0.6),
        ],
    ),
]
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='PreNormalize3D')],
    views=dict(query=view, key=view),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=64)],
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=450)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[350], gamma=0.1)]
