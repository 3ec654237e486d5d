# ISC: two representations of the joints, graph and image, contrasted with each other.
model = dict(
    type='Pretrainer',
    encoder=dict(
        graph=dict(
            type='STGCN', layout='kinect_v2', base_channels=16, feature_dim=256, dropout=0.5
        ),
        image=dict(type='HCN', layout='kinect_v2', num_frames=64),
    ),
    projector=dict(type='Projector', out_dim=128),
    heads=dict(inter_skeleton=dict(type='InterSkeletonHead', temperature=0.07)),
    streams=dict(graph='joint', image='joint'),
    queue_size=16384,
    momentum=0.999,
)
