_base_ = ['../_base_/methods/pstl.py', '../_base_/datasets/pku1_xsub.py']

train_dataloader = dict(batch_size=128)
