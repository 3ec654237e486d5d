# HaLP, Sec. 4.2: encoder, projector and queue; the baseline is this with InfoNCE alone.
model = dict(
    type='Pretrainer',
    encoder=dict(type='BiGRU', layout='kinect_v2', num_people=2, hidden_size=1024, num_layers=3),
    projector=dict(type='Projector', out_dim=128),
    heads=dict(moco=dict(type='MoCoHead', temperature=0.07)),
    streams=['joint'],
    queue_size=16384,
    momentum=0.999,
)
