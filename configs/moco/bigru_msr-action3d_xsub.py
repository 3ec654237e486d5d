# MSR-Action3D, sized for 2 CPU cores.
_base_ = [
    '../_base_/datasets/msr-action3d_xsub.py',
    '../_base_/models/bigru_moco.py',
    '../_base_/augmentations/crop_shear_corruption.py',
    '../_base_/schedules/sgd_450e.py',
    '../_base_/evaluation/gru.py',
    '../_base_/default_runtime.py',
]

model = dict(
    encoder=dict(
        layout='msr_action3d',
        num_people=1,
        hidden_size=64,
        num_layers=2,
        bidirectional=True,
        pooling='mean',
    ),
    projector=dict(out_dim=64),
    queue_size=1024,
    momentum=0.99,
)
view = [
    dict(type='TemporalCropResize', ratio=(0.4, 1.0), min_frames=12, num_frames=32),
    dict(
        type='RandomChoice',
        transforms=[
            dict(type='Shear', amplitude=1.0),
            dict(type='JointCorruption', joint_ratio=0.6),
        ],
    ),
]
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', align_spine=False, align_shoulders=False)],
    views=dict(query=view, key=view),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)
train_cfg = dict(max_epochs=600)
optim_wrapper = dict(optimizer=dict(lr=0.2))
param_scheduler = [dict(type='MultiStepLR', milestones=[480], gamma=0.1)]
protocols = dict(linear=dict(learning_rate=0.1, train_view=None))
