# AimCLR, Table 1: without nearest neighbours, so the first stage all the time.
_base_ = '../stgcn_ntu60_xsub.py'

model = dict(heads=dict(moco=dict(end_epoch=None), nnm=None))
