# HaLP, Sec. 4.4: positives between key and query.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(heads=dict(halp=dict(direction='query')))
