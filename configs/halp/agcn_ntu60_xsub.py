# HaLP on AGCN: the HaLP of sequences with another encoder.
_base_ = './bigru_ntu60_xsub.py'

model = dict(encoder=dict(_delete_=True, type='AGCN', num_people=2))
