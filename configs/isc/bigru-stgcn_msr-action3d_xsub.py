_base_ = ['../_base_/methods/isc_small.py', '../_base_/datasets/msr-action3d_xsub.py']

model = dict(
    encoder=dict(
        sequence=dict(layout='msr_action3d', num_people=1),
        graph=dict(layout='msr_action3d'),
    )
)
# Everybody faces the sensor; the first frame's pose is too noisy to be turned by.
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', align_spine=False, align_shoulders=False)]
)
