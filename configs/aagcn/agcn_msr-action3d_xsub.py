_base_ = ['../_base_/methods/aagcn_small.py', '../_base_/datasets/msr-action3d_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(num_people=1), num_classes=20)
# Everybody faces the sensor; turning every frame by its shoulders only adds noise.
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=50, align_shoulders=False)]
)
