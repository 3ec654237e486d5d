# MSR-Action3D, sized for 2 CPU cores.
_base_ = [
    '../_base_/datasets/msr-action3d_xsub.py',
    '../_base_/models/isc_bigru_stgcn_small.py',
    '../_base_/augmentations/crop_shear_corruption_small.py',
    '../_base_/schedules/sgd_400e_small.py',
    '../_base_/evaluation/gru_small.py',
    '../_base_/default_runtime.py',
]

optim_wrapper = dict(optimizer=dict(lr=0.1))
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
