_base_ = ['../_base_/methods/gl_transformer.py', '../_base_/datasets/ntu60_xview.py']

train_dataloader = dict(batch_size=128)
