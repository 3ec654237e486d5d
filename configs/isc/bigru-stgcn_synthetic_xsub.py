# Synthetic clips, sized for 2 CPU cores.
_base_ = [
    '../_base_/datasets/synthetic_xsub.py',
    '../_base_/models/isc_bigru_stgcn_small.py',
    '../_base_/augmentations/crop_shear_corruption_small.py',
    '../_base_/schedules/sgd_400e_small.py',
    '../_base_/evaluation/gru_small.py',
    '../_base_/default_runtime.py',
]

optim_wrapper = dict(optimizer=dict(lr=0.1))
