# Contrast and masked motion in one list of heads: HaLP and MAMP on one small transformer.
_base_ = './mamp_small.py'

method = 'HaLP + MAMP'
# HaLP's normalisation and views.
view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32),
    dict(type='Shear', amplitude=0.5),
    dict(type='JointOffset', std=0.2),
]
model = dict(
    projector=dict(type='Projector', out_dim=64),
    heads=dict(
        # The view whose hidden motion MAMP predicts is the query.
        moco=dict(type='MoCoHead', temperature=0.1, view='clean'),
        halp=dict(type='HaLPHead', start_epoch=40, temperature=0.1, view='clean'),
    ),
    queue_size=1024,
    momentum=0.99,
)
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D')], views=dict(clean=view, key=view)
)
protocols = dict(
    linear=dict(
        standardize=True,
        learning_rate=0.01,
        weight_decay=0.05,
        epochs=100,
        milestones=[60, 85],
    )
)
