_base_ = ['../_base_/methods/barlow_twins_small.py', '../_base_/datasets/synthetic_xsub.py']
