_base_ = ['../_base_/methods/aagcn.py', '../_base_/datasets/pku1_xsub.py']

model = dict(num_classes=51)
