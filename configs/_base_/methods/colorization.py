# Skeleton Cloud Colorization: three nets see a clip as a cloud of points and repaint it in colours
# that tell the time, the joint and the person. Their scores are averaged. In batches of 24: the
# data set's loader is set in the configs.
_base_ = ['../evaluation/gru.py', '../default_runtime.py']

method = 'Colorization'
head = dict(
    type='ColorizationHead', color_weight=1.0, grid_size=45, grid_extent=0.3, hidden_dim=512
)
model = dict(
    type='Pretrainer',
    encoder=dict(type='DGCNN', channels=(64, 64, 128, 256), feature_dim=1024, num_neighbours=20),
    heads=dict(
        temporal=dict(head, color_by='frame', streams=['temporal']),
        spatial=dict(head, color_by='joint', streams=['spatial']),
        person=dict(head, color_by='person', streams=['person']),
    ),
    # The same coordinates for all; the nets differ by what they learn.
    streams=dict(temporal='joint', spatial='joint', person='joint'),
)

# 40 frames: 2000 points of 25 joints of two people.
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='PreNormalize3D')],
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=40, num_frames=40)]
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=40)],
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=150)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=1e-5, T_max=150)]
