# ISC's representations sequence and image, sized for a few hundred short clips and 2 CPU cores.
_base_ = './isc_small.py'

model = dict(
    encoder=dict(
        graph=None,
        image=dict(
            type='HCN',
            num_frames=32,
            base_channels=16,
            image_width=16,
            dropout=0.0,
        ),
    ),
    streams=dict(_delete_=True, sequence='joint', image='joint'),
)
