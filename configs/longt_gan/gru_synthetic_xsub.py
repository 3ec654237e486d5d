_base_ = ['../_base_/methods/longt_gan_small.py', '../_base_/datasets/synthetic_xsub.py']
