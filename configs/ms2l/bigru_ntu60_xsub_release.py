# MS2L as its release trains it, where that differs: backward cells begin in the zeros that follow a
# clip, and clips come in the order of the data file.
_base_ = './bigru_ntu60_xsub.py'

model = dict(encoder=dict(reads_padding=True))
train_dataloader = dict(sampler=dict(shuffle=False))
