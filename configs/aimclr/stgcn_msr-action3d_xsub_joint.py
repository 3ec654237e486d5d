# MSR-Action3D, sized for 2 CPU cores.
_base_ = [
    '../_base_/datasets/msr-action3d_xsub.py',
    '../_base_/models/stgcn_aimclr_small.py',
    '../_base_/augmentations/aimclr.py',
    '../_base_/schedules/sgd_100e_small.py',
    '../_base_/evaluation/gcn.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(layout='msr_action3d'))
# Everybody faces the sensor; turning every frame by its shoulders only adds noise.
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
