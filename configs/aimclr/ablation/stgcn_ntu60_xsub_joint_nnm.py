# AimCLR, Table 1: all of it.
_base_ = '../stgcn_ntu60_xsub_joint.py'
