# AimCLR, Table 2.
_base_ = [
    '../_base_/datasets/pku2_xsub.py',
    '../_base_/models/stgcn_aimclr.py',
    '../_base_/augmentations/aimclr.py',
    '../_base_/schedules/sgd_300e.py',
    '../_base_/evaluation/gcn.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=128)
