_base_ = ['../_base_/methods/longt_gan.py', '../_base_/datasets/pku1_xsub.py']
