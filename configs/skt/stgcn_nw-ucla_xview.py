_base_ = ['../_base_/methods/skt_small.py', '../_base_/datasets/nw-ucla_xview.py']

train_dataloader = dict(batch_size=32)
