# HaLP on AGCN: the HaLP of sequences with another encoder.
_base_ = './bigru_synthetic_xsub.py'

model = dict(
    encoder=dict(
        _delete_=True,
        type='AGCN',
        num_people=2,
        base_channels=8,
        stages=(2, 2, 2),
        feature_dim=128,
    )
)
