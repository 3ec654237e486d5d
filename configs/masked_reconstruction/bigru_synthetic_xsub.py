_base_ = [
    '../_base_/methods/masked_reconstruction_small.py',
    '../_base_/datasets/synthetic_xsub.py',
]
