_base_ = '../_base_/datasets/msrc12_xsub.py'
