# AimCLR, Table 3: 200 epochs of the same schedule.
_base_ = '../stgcn_ntu60_xsub.py'

train_cfg = dict(max_epochs=200)
