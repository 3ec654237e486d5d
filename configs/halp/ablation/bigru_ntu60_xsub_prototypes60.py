# HaLP, Table 6: N = 60.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(heads=dict(halp=dict(num_prototypes=60)))
