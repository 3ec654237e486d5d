# HaLP, Table 5: lambda = 1.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(heads=dict(halp=dict(hardness=1.0)))
