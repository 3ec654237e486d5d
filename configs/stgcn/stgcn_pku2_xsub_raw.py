_base_ = ['../_base_/methods/stgcn_raw.py', '../_base_/datasets/pku2_xsub.py']

model = dict(num_classes=51)
