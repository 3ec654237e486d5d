_base_ = ['../_base_/methods/crosclr_b_small.py', '../_base_/datasets/synthetic_xsub.py']
