# HaLP, Sec. 4.4: positives hallucinated from the query.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(heads=dict(halp=dict(anchor='query')))
