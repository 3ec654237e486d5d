_base_ = ['../_base_/methods/halp_nnm_small.py', '../_base_/datasets/synthetic_xsub.py']
