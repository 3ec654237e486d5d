# ISC's representations sequence and image.
_base_ = './isc.py'

model = dict(
    encoder=dict(
        _delete_=True,
        sequence=dict(type='BiGRU', num_people=2, hidden_size=1024, num_layers=3, input_norm=None),
        image=dict(type='HCN', num_frames=64),
    ),
    streams=dict(_delete_=True, sequence='joint', image='joint'),
)
