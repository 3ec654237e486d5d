# ISC: its encoder of graphs is an AGCN; an ST-GCN stands in for it.
_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/models/isc_bigru_stgcn.py',
    '../_base_/augmentations/crop_shear_corruption.py',
    '../_base_/schedules/sgd_450e.py',
    '../_base_/evaluation/gru.py',
    '../_base_/default_runtime.py',
]
