_base_ = ['../_base_/methods/halp_barlow_twins_small.py', '../_base_/datasets/synthetic_xsub.py']
