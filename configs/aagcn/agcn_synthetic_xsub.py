_base_ = ['../_base_/methods/aagcn_small.py', '../_base_/datasets/synthetic_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(num_classes=14)
