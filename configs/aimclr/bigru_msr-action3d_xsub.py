# AimCLR on the encoder of HaLP.
_base_ = [
    '../_base_/datasets/msr-action3d_xsub.py',
    '../_base_/models/bigru_moco_small.py',
    '../_base_/augmentations/aimclr.py',
    '../_base_/schedules/sgd_400e_small.py',
    '../_base_/evaluation/gcn.py',
    '../_base_/default_runtime.py',
]

model = dict(
    encoder=dict(layout='msr_action3d', num_people=1, hidden_size=128),
    derived_maps=dict(
        extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.7)
    ),
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=160),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=160),
        d3m=dict(type='D3MHead', temperature=0.07),
    ),
)
# Everybody faces the sensor.
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
