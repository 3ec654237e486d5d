# AimCLR as its release trains it, where that differs from the paper.
_base_ = './stgcn_ntu60_xsub.py'

model = dict(heads=dict(nnm=dict(reduction='mean')))
