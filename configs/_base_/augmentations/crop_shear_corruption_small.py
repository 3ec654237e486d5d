# Gentler views of 32 frames, for a few hundred short clips.
_base_ = './crop_shear_corruption.py'

view = [
    dict(type='TemporalCropResize', ratio=(0.4, 1.0), min_frames=12, num_frames=32),
    dict(
        type='RandomChoice',
        transforms=[
            dict(type='Shear', amplitude=0.3),
            dict(type='JointCorruption', joint_ratio=0.3),
        ],
    ),
]
data_preprocessor = dict(
    views=dict(query=view, key=view),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)
