# Sized for 2 CPU cores and a few hundred clips.
_base_ = './isc_bigru_stgcn.py'

model = dict(
    encoder=dict(
        sequence=dict(hidden_size=64, num_layers=2, bidirectional=True, pooling='mean'),
        graph=dict(base_channels=8, stages=(2, 2, 2), feature_dim=128, dropout=0.0),
    ),
    projector=dict(out_dim=64),
    queue_size=1024,
    momentum=0.99,
)
