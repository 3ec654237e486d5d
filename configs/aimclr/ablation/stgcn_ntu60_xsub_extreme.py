# AimCLR, Table 1: extreme augmentations only, of query and key alike.
_base_ = '../stgcn_ntu60_xsub.py'

model = dict(derived_maps=None, heads=dict(moco=dict(end_epoch=None), nnm=None, d3m=None))
data_preprocessor = dict(views=dict(query=_base_.extreme, key=_base_.extreme, extreme=None))
