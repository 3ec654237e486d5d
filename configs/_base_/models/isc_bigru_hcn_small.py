# Sized for 2 CPU cores and a few hundred clips.
_base_ = './isc_bigru_hcn.py'

model = dict(
    encoder=dict(
        sequence=dict(hidden_size=64, num_layers=2, bidirectional=True, pooling='mean'),
        image=dict(num_frames=32, base_channels=16, image_width=16, dropout=0.0),
    ),
    projector=dict(out_dim=64),
    queue_size=1024,
    momentum=0.99,
)
