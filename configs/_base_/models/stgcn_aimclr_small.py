# Sized for 2 CPU cores and a few hundred clips.
_base_ = './stgcn_moco_small.py'

model = dict(
    derived_maps=dict(
        extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.7)
    ),
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=50),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=50),
        d3m=dict(type='D3MHead', temperature=0.07),
    ),
)
