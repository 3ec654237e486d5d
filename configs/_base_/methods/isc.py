# ISC: two representations of the joints, sequence and graph, contrasted with each other.
# Its encoder of graphs is an AGCN; an ST-GCN stands in for it.
_base_ = './moco.py'

method = 'ISC'
model = dict(
    encoder=dict(
        _delete_=True,
        sequence=dict(type='BiGRU', num_people=2, hidden_size=1024, num_layers=3),
        graph=dict(type='STGCN', base_channels=16, feature_dim=256, dropout=0.5),
    ),
    streams=dict(_delete_=True, sequence='joint', graph='joint'),
    heads=dict(moco=None, inter_skeleton=dict(type='InterSkeletonHead', temperature=0.07)),
)
