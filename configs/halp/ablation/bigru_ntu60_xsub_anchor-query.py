# HaLP, Sec. 4.4: positives hallucinated from the query.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        halp=dict(type='HaLPHead', start_epoch=200, anchor='query'),
    )
)
