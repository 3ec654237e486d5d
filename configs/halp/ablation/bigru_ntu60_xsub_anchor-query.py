# HaLP, Sec. 4.4: positives hallucinated from the query.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='HaLPHead', start_epoch=200, anchor='query'),
    ]
)
