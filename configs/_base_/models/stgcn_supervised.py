# ST-GCN at its full width, as it is trained with labels.
model = dict(
    type='SkeletonClassifier',
    encoder=dict(type='STGCN', layout='kinect_v2', base_channels=64, feature_dim=256, dropout=0.5),
    num_classes=60,
    streams=['joint'],
)
