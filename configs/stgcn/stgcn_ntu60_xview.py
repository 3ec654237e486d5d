_base_ = ['../_base_/methods/stgcn.py', '../_base_/datasets/ntu60_xview.py']
