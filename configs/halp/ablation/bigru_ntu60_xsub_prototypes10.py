# HaLP, Table 6: N = 10.
_base_ = '../bigru_ntu60_xsub.py'

model = dict(
    heads=[
        dict(type='MoCoHead', temperature=0.07),
        dict(type='HaLPHead', start_epoch=200, num_prototypes=10),
    ]
)
