# The baseline of AimCLR, Table 2.
_base_ = [
    '../_base_/datasets/ntu60_xview.py',
    '../_base_/models/stgcn_moco.py',
    '../_base_/augmentations/skeletonclr.py',
    '../_base_/schedules/sgd_300e.py',
    '../_base_/evaluation/gcn.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=128)
