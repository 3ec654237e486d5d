# AimCLR, Table 1: normal and extreme augmentations, Eq. (7).
_base_ = './stgcn_ntu60_xsub_joint_eadm.py'

model = dict(derived_maps=dict(_delete_=True), heads=dict(d3m=dict(followers=['extreme'])))
