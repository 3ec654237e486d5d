_base_ = ['../_base_/methods/aagcn.py', '../_base_/datasets/ntu120_xsub.py']

model = dict(num_classes=120)
