# MoCo sized for some hundred to some thousand clips and 2 CPU cores: views of 32 frames, and as
# many epochs as a few minutes allow. docs/benchmarks.md says what each choice is worth.
_base_ = ['./moco.py', '../evaluation/small.py']

model = dict(
    encoder=dict(
        hidden_size=128,
        num_layers=1,
        bidirectional=True,
        # A joint that hardly moves tells people apart rather than actions: it stays small.
        input_norm='axis',
        motion=True,
        # Where people are seen from several sides the recipe says True.
        distances=False,
        # A feature tells what happened, however briefly, and what came first.
        pooling='max',
        num_segments=4,
    ),
    projector=dict(out_dim=64),
    heads=dict(moco=dict(temperature=0.1)),
    queue_size=1024,
    momentum=0.99,
)

view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32),
    dict(type='Shear', amplitude=0.5),
    dict(type='JointOffset', std=0.2),
]
data_preprocessor = dict(
    views=dict(query=view, key=view),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

train_cfg = dict(max_epochs=200)
# Matrices of this size are no faster with more threads.
num_threads = 1
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.003, weight_decay=0.01),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=10),
    dict(type='CosineAnnealingLR', begin=10, end=200, T_max=190),
]

protocols = _base_.small
