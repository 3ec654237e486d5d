_base_ = ['../_base_/methods/moco.py', '../_base_/datasets/ntu60_xview.py']
