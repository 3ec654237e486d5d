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
            num_layers=2,
            bidirectional=True,
            pooling='mean',
        ),
        graph=dict(
            type='STGCN',
            base_channels=8,
            stages=(2, 2, 2),
            feature_dim=128,
            dropout=0.0,
        ),
    ),
    streams=dict(_delete_=True, sequence='joint', graph='joint'),
    heads=dict(moco=None, inter_skeleton=dict(type='InterSkeletonHead', temperature=0.07)),
)
optim_wrapper = dict(optimizer=dict(lr=0.001))
