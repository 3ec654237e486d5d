_base_ = ['../_base_/methods/va_lstm_small.py', '../_base_/datasets/nw-ucla_xview.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(encoder=dict(num_people=1)), num_classes=10)
