_base_ = ['../_base_/methods/ms2l.py', '../_base_/datasets/ntu120_xsub.py']

train_dataloader = dict(batch_size=256)
