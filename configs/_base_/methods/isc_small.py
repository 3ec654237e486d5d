# ISC, sequence and graph, sized for a few hundred short clips and 2 CPU cores.
_base_ = './moco_small.py'

method = 'ISC'
model = dict(
    encoder=dict(
        _delete_=True,
        sequence=dict(
            type='BiGRU',
            num_people=2,
            hidden_size=64,
            num_layers=1,
            bidirectional=True,
            input_norm='axis',
            motion=True,
            pooling='max',
            num_segments=4,
        ),
        graph=dict(
            type='AGCN',
            num_people=2,
            base_channels=8,
            stages=(2, 2, 2),
            feature_dim=64,
            input_norm='axis',
            num_segments=4,
        ),
    ),
    streams=dict(_delete_=True, sequence='joint', graph='joint'),
    heads=dict(moco=None, inter_skeleton=dict(type='InterSkeletonHead', temperature=0.07)),
)
