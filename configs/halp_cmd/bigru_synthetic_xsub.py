_base_ = ['../_base_/methods/halp_cmd_small.py', '../_base_/datasets/synthetic_xsub.py']
