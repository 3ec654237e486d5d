_base_ = '../_base_/datasets/msr-action3d_xsub.py'
