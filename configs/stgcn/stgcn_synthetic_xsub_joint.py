# The synthetic data set, sized for 2 CPU cores.
_base_ = [
    '../_base_/datasets/synthetic_xsub.py',
    '../_base_/models/stgcn_supervised_small.py',
    '../_base_/augmentations/relative50_small.py',
    '../_base_/schedules/sgd_80e_supervised_small.py',
    '../_base_/evaluation/classifier.py',
    '../_base_/supervised_runtime.py',
]

train_dataloader = dict(batch_size=32)
model = dict(num_classes=14)
# Two people and 420 clips: fewer epochs, so that a run is a matter of minutes.
train_cfg = dict(max_epochs=30)
param_scheduler = [dict(type='MultiStepLR', milestones=[20, 26], gamma=0.1)]
