# ISC: two representations of the joints, sequence and graph, contrasted with each other. As in its
# release, a projector is one linear layer.
_base_ = './moco.py'

method = 'ISC'
model = dict(
    encoder=dict(
        _delete_=True,
        sequence=dict(type='BiGRU', num_people=2, hidden_size=1024, num_layers=3, input_norm=None),
        graph=dict(type='AGCN', num_people=2),
    ),
    projector=dict(hidden_dim=[]),
    streams=dict(_delete_=True, sequence='joint', graph='joint'),
    heads=dict(moco=None, inter_skeleton=dict(type='InterSkeletonHead', temperature=0.07)),
)
