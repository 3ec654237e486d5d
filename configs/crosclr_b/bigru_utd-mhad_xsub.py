_base_ = ['../_base_/methods/crosclr_b_small.py', '../_base_/datasets/utd-mhad_xsub.py']

model = dict(encoder=dict(num_people=1))
# Everybody faces the sensor; the first frame's pose is too noisy to be turned by.
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', align_spine=False, align_shoulders=False)]
)
