# AimCLR: a third view, a drop on its map, and two stages: InfoNCE, then nearest neighbours.
_base_ = './stgcn_moco.py'

model = dict(
    query_views=['query', 'extreme'],
    drop=dict(type='EnergyAttentionDrop', keep_margin=0.7),
    dropped_views=['extreme'],
    heads=[
        dict(type='MoCoHead', temperature=0.07, end_epoch=150),
        dict(type='NNMHead', temperature=0.07, start_epoch=150),
        dict(type='D3MHead', temperature=0.07),
    ],
)
