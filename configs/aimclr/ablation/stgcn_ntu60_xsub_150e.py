# AimCLR, Table 3: 150 epochs of the same schedule.
_base_ = '../stgcn_ntu60_xsub.py'

train_cfg = dict(max_epochs=150)
