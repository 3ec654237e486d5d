# HaLP, Table 5: lambda = 0.2.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(heads=dict(halp=dict(hardness=0.2)))
