_base_ = ['../_base_/methods/colorization_small.py', '../_base_/datasets/synthetic_xsub.py']
