# CMD is the baseline on three streams with a head that distils between them.
_base_ = '../moco/bigru_synthetic_xsub.py'

model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        cmd=dict(type='CMDHead', top_k=512),
    ),
)
# With the baseline's learning rate the motion stream collapses.
optim_wrapper = dict(optimizer=dict(lr=0.03))
