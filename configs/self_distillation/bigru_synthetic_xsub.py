_base_ = ['../_base_/methods/self_distillation_small.py', '../_base_/datasets/synthetic_xsub.py']
