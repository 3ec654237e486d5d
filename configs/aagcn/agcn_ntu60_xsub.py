_base_ = ['../_base_/methods/aagcn.py', '../_base_/datasets/ntu60_xsub.py']
