# ISC: two representations of the joints, sequence and graph, contrasted with each other.
model = dict(
    type='Pretrainer',
    encoder=dict(
        sequence=dict(
            type='BiGRU', layout='kinect_v2', num_people=2, hidden_size=1024, num_layers=3
        ),
        graph=dict(
            type='STGCN', layout='kinect_v2', base_channels=16, feature_dim=256, dropout=0.5
        ),
    ),
    projector=dict(type='Projector', out_dim=128),
    heads=dict(inter_skeleton=dict(type='InterSkeletonHead', temperature=0.07)),
    streams=dict(sequence='joint', graph='joint'),
    queue_size=16384,
    momentum=0.999,
)
