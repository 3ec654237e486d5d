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
    derived_maps=dict(
        extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.7)
    ),
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=150),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=150),
        d3m=dict(type='D3MHead', temperature=0.07),
    ),
)
