_base_ = ['../_base_/methods/usdrl.py', '../_base_/datasets/ntu120_xsub.py']

train_dataloader = dict(batch_size=356)
