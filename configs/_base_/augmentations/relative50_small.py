# A few hundred clips are learned by heart unless they are varied.
_base_ = './relative50.py'

data_preprocessor = dict(
    views=dict(
        clip=[
            dict(type='TemporalCropResize', ratio=(0.7, 1.0), min_frames=25, num_frames=50),
            dict(type='Shear', amplitude=0.3),
        ]
    )
)
