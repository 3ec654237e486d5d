_base_ = ['../_base_/methods/sebirenet_small.py', '../_base_/datasets/synthetic_xsub.py']
