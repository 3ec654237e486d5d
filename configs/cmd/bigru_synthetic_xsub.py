_base_ = ['../_base_/methods/cmd_small.py', '../_base_/datasets/synthetic_xsub.py']
