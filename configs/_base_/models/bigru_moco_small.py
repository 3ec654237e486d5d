# Sized for 2 CPU cores and a few hundred clips.
_base_ = './bigru_moco.py'

model = dict(
    encoder=dict(hidden_size=64, num_layers=2, bidirectional=True, pooling='mean'),
    projector=dict(out_dim=64),
    queue_size=1024,
    momentum=0.99,
)
