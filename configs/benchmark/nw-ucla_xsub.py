_base_ = '../_base_/datasets/nw-ucla_xsub.py'
