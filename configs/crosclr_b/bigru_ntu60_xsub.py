_base_ = ['../_base_/methods/crosclr_b.py', '../_base_/datasets/ntu60_xsub.py']
