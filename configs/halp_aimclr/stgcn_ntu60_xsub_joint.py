# AimCLR with HaLP's positives for the normal view.
_base_ = '../aimclr/stgcn_ntu60_xsub_joint.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=150),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=150),
        d3m=dict(type='D3MHead', temperature=0.07),
        halp=dict(type='HaLPHead', start_epoch=150),
    )
)
