_base_ = ['../_base_/methods/va_lstm.py', '../_base_/datasets/ntu120_xsub.py']

train_dataloader = dict(batch_size=256)
model = dict(num_classes=120)
