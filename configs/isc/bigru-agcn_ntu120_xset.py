_base_ = ['../_base_/methods/isc.py', '../_base_/datasets/ntu120_xset.py']
