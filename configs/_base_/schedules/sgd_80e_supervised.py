# The schedule of ST-GCN's release on NTU, in batches of 64. (Its paper has another: learning rate
# 0.01, x 0.1 every 10 epochs.)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=80)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[10, 50], gamma=0.1)]
