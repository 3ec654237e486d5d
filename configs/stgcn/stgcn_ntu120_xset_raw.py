_base_ = ['../_base_/methods/stgcn_raw.py', '../_base_/datasets/ntu120_xset.py']

model = dict(num_classes=120)
