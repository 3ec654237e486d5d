# MoCo sized for a few hundred short clips and 2 CPU cores: gentler views of 32 frames, larger
# steps, as many epochs as a few minutes allow.
_base_ = './moco.py'

model = dict(
    encoder=dict(hidden_size=64, num_layers=2, bidirectional=True, pooling='mean'),
    projector=dict(out_dim=64),
    queue_size=1024,
    momentum=0.99,
)

view = [
    dict(type='TemporalCropResize', ratio=(0.4, 1.0), min_frames=12, num_frames=32),
    dict(
        type='RandomChoice',
        transforms=[
            dict(type='Shear', amplitude=0.3),
            dict(type='JointCorruption', joint_ratio=0.3),
        ],
    ),
]
data_preprocessor = dict(
    views=dict(query=view, key=view),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

train_cfg = dict(max_epochs=400)
optim_wrapper = dict(optimizer=dict(lr=0.4))
param_scheduler = [dict(type='MultiStepLR', milestones=[320], gamma=0.1)]

finetune = dict(
    epochs=40,
    batch_size=32,
    learning_rate=0.05,
    milestones=[30],
    train_view=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32)],
)
protocols = dict(
    # The linear layer sees the same crops in every epoch, so features are computed once.
    linear=dict(learning_rate=1.0, epochs=200, milestones=[120, 170], train_view=None),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
