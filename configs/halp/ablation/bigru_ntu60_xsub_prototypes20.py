# HaLP, Table 6: N = 20, the default.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        halp=dict(type='HaLPHead', start_epoch=200, num_prototypes=20),
    )
)
