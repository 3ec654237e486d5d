_base_ = ['../_base_/methods/halp.py', '../_base_/datasets/ntu60_xview.py']
