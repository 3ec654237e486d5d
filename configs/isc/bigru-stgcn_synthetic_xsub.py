_base_ = ['../_base_/methods/isc_small.py', '../_base_/datasets/synthetic_xsub.py']

graph = dict(_delete_=True, type='STGCN', base_channels=8, stages=(2, 2, 2), feature_dim=64)
model = dict(encoder=dict(graph=graph))
