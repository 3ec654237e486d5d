# AimCLR on the encoder of HaLP.
_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/models/bigru_moco.py',
    '../_base_/augmentations/aimclr.py',
    '../_base_/schedules/sgd_450e.py',
    '../_base_/evaluation/gcn.py',
    '../_base_/default_runtime.py',
]

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
