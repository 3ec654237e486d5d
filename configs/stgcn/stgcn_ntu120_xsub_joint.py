_base_ = [
    '../_base_/datasets/ntu120_xsub.py',
    '../_base_/models/stgcn_supervised.py',
    '../_base_/augmentations/relative50.py',
    '../_base_/schedules/sgd_80e_supervised.py',
    '../_base_/evaluation/classifier.py',
    '../_base_/supervised_runtime.py',
]

model = dict(num_classes=120)
