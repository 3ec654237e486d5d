_base_ = ['../_base_/methods/cmd.py', '../_base_/datasets/ntu60_xsub.py']
