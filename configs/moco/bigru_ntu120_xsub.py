_base_ = ['../_base_/methods/moco.py', '../_base_/datasets/ntu120_xsub.py']
