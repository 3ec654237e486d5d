_base_ = ['../_base_/methods/moco_small.py', '../_base_/datasets/utd-mhad_xsub.py']

model = dict(encoder=dict(layout='utd_mhad', num_people=1, hidden_size=128))
# Everybody faces the sensor; turned by the first pose, the coordinates themselves tell less.
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', align_spine=False, align_shoulders=False)]
)
