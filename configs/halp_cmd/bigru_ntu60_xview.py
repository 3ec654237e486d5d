_base_ = ['../_base_/methods/halp_cmd.py', '../_base_/datasets/ntu60_xview.py']
