# AimCLR, Table 1: extreme augmentations only, of query and key alike.
_base_ = [
    '../../_base_/datasets/ntu60_xsub.py',
    '../../_base_/models/stgcn_moco.py',
    '../../_base_/augmentations/aimclr.py',
    '../../_base_/schedules/sgd_300e.py',
    '../../_base_/evaluation/gcn.py',
    '../../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=128)
data_preprocessor = dict(views=dict(_delete_=True, query=_base_.extreme, key=_base_.extreme))
