# AimCLR, Sec. 4; SkeletonCLR and CrosSCLR the same.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=300)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[250], gamma=0.1)]
