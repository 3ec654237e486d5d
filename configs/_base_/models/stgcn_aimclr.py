# AimCLR: a third view, a drop on its map, and two stages: InfoNCE, then nearest neighbours.
_base_ = './stgcn_moco.py'

model = dict(
    derived_maps=dict(
        extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.7)
    ),
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=150),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=150),
        d3m=dict(type='D3MHead', temperature=0.07),
    ),
)
