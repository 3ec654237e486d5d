_base_ = ['../_base_/methods/sebirenet.py', '../_base_/datasets/ntu120_xset.py']
