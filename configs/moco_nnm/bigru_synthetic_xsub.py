_base_ = ['../_base_/methods/moco_nnm_small.py', '../_base_/datasets/synthetic_xsub.py']
