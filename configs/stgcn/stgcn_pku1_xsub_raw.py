_base_ = ['../_base_/methods/stgcn_raw.py', '../_base_/datasets/pku1_xsub.py']

model = dict(num_classes=51)
