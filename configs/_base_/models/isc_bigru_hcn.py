# ISC: two representations of the joints, sequence and image, contrasted with each other.
model = dict(
    type='Pretrainer',
    encoder=dict(
        sequence=dict(
            type='BiGRU', layout='kinect_v2', num_people=2, hidden_size=1024, num_layers=3
        ),
        image=dict(type='HCN', layout='kinect_v2', num_frames=64),
    ),
    projector=dict(type='Projector', out_dim=128),
    heads=dict(inter_skeleton=dict(type='InterSkeletonHead', temperature=0.07)),
    streams=dict(sequence='joint', image='joint'),
    queue_size=16384,
    momentum=0.999,
)
