_base_ = ['../_base_/methods/longt_gan.py', '../_base_/datasets/ntu60_xsub.py']
