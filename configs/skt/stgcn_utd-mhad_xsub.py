_base_ = ['../_base_/methods/skt_small.py', '../_base_/datasets/utd-mhad_xsub.py']

train_dataloader = dict(batch_size=32)
# Everybody faces the sensor; turning every frame by its shoulders only adds noise.
data_preprocessor = dict(
    normalization=[dict(type='RelativeNormalize3D', num_frames=32, align_shoulders=False)]
)
