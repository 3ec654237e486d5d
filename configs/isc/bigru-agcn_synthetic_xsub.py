_base_ = ['../_base_/methods/isc_small.py', '../_base_/datasets/synthetic_xsub.py']
