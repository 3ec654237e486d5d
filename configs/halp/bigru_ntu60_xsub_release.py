# HaLP as its release trains it on NTU, where that differs from the paper.
_base_ = './bigru_ntu60_xsub.py'

model = dict(
    heads=dict(
        halp=dict(weight=2.0, update_interval=10, release_range=True, skip_closest=True),
    )
)
