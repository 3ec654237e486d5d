_base_ = ['../_base_/methods/stgcn_raw.py', '../_base_/datasets/ntu60_xsub.py']
