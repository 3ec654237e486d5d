# SkeletonCLR: an ST-GCN of a quarter of the channels, contrasted by InfoNCE.
model = dict(
    type='Pretrainer',
    encoder=dict(type='STGCN', layout='kinect_v2', base_channels=16, feature_dim=256, dropout=0.5),
    projector=dict(type='Projector', out_dim=128),
    heads=dict(moco=dict(type='MoCoHead', temperature=0.07)),
    streams=['joint'],
    queue_size=32768,
    momentum=0.999,
)
