# HaLP, Table 6: N = 40.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(heads=dict(halp=dict(num_prototypes=40)))
