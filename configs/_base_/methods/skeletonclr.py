# SkeletonCLR, the baseline of AimCLR (Sec. 4): MoCo on an ST-GCN of a quarter of the channels.
# In batches of 128: the data set's loader is set in the configs.
_base_ = ['../evaluation/gcn.py', '../default_runtime.py']

method = 'SkeletonCLR'
model = dict(
    type='Pretrainer',
    encoder=dict(type='STGCN', base_channels=16, feature_dim=256, dropout=0.5),
    projector=dict(type='Projector', out_dim=128),
    heads=dict(moco=dict(type='MoCoHead', temperature=0.07)),
    streams=['joint'],
    queue_size=32768,
    momentum=0.999,
)

# Query and key are of one family.
normal = [
    dict(type='TemporalShiftCrop', padding_ratio=6),
    dict(type='Shear', amplitude=0.5),
]
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='RelativeNormalize3D', num_frames=50)],
    views=dict(query=normal, key=normal),
    evaluation_view=[],
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=300)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[250], gamma=0.1)]
