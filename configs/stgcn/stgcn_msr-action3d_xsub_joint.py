# MSR-Action3D, sized for 2 CPU cores.
_base_ = [
    '../_base_/datasets/msr-action3d_xsub.py',
    '../_base_/models/stgcn_supervised_small.py',
    '../_base_/augmentations/relative50_small.py',
    '../_base_/schedules/sgd_80e_supervised_small.py',
    '../_base_/evaluation/classifier.py',
    '../_base_/supervised_runtime.py',
]

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(layout='msr_action3d'), num_classes=20)
# Everybody faces the sensor; turning every frame by its shoulders only adds noise.
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=50, align_shoulders=False)]
)
