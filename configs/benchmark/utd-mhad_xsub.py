_base_ = '../_base_/datasets/utd-mhad_xsub.py'
