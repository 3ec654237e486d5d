_base_ = './bigru-stgcn_synthetic_xsub.py'

graph = dict(
    _delete_=True, type='AGCN', num_people=2, base_channels=8, stages=(2, 2, 2), feature_dim=128
)
model = dict(encoder=dict(graph=graph))
