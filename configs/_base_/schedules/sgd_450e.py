# HaLP, Sec. 4.2, NTU.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=450)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[350], gamma=0.1)]
