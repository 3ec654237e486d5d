_base_ = ['../_base_/methods/usdrl.py', '../_base_/datasets/ntu60_xview.py']

train_dataloader = dict(batch_size=356)
protocols = dict(linear=dict(learning_rate=0.03))
