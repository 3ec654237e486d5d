# AimCLR, Table 1: normal and extreme augmentations, Eq. (7).
_base_ = './stgcn_ntu60_xsub_eadm.py'

model = dict(derived_maps=None, heads=dict(d3m=dict(followers=['extreme'])))
