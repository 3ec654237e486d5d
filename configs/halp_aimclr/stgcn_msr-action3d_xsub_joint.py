# AimCLR with HaLP's positives for the normal view.
_base_ = '../aimclr/stgcn_msr-action3d_xsub_joint.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07, end_epoch=50),
        nnm=dict(type='NNMHead', temperature=0.07, start_epoch=50),
        d3m=dict(type='D3MHead', temperature=0.07),
        halp=dict(type='HaLPHead', start_epoch=50, weight=0.1, hardness=0.2),
    )
)
