_base_ = ['../_base_/methods/longt_gan.py', '../_base_/datasets/ntu120_xsub.py']
