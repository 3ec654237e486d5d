# Synthetic clips, sized for 2 CPU cores.
_base_ = [
    '../_base_/datasets/synthetic_xsub.py',
    '../_base_/models/stgcn_aimclr_small.py',
    '../_base_/augmentations/aimclr.py',
    '../_base_/schedules/sgd_100e_small.py',
    '../_base_/evaluation/gcn.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=32)
data_preprocessor = dict(normalization=[dict(type='RelativeNormalize3D', num_frames=32)])
