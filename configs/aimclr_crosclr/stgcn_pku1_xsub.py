_base_ = ['../_base_/methods/aimclr_crosclr.py', '../_base_/datasets/pku1_xsub.py']

train_dataloader = dict(batch_size=128)
