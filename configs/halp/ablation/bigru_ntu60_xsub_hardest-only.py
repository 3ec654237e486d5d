# HaLP, Sec. 4.4: only the hardest positives, t = t*.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(heads=dict(halp=dict(hardest_only=True)))
