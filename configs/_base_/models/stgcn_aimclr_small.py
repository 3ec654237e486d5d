# Sized for 2 CPU cores and a few hundred clips.
_base_ = './stgcn_moco_small.py'

model = dict(
    query_views=['query', 'extreme'],
    drop=dict(type='EnergyAttentionDrop', keep_margin=0.7),
    dropped_views=['extreme'],
    heads=[
        dict(type='MoCoHead', temperature=0.07, end_epoch=50),
        dict(type='NNMHead', temperature=0.07, start_epoch=50),
        dict(type='D3MHead', temperature=0.07),
    ],
)
