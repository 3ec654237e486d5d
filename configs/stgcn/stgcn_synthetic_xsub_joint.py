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
