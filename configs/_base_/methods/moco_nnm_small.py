# MoCo; then the nearest keys of the queue are positives beside a query's own, as AimCLR mines them.
_base_ = './moco_small.py'

method = 'MoCo + NNM'
model = dict(
    heads=dict(
        moco=dict(end_epoch=40),
        nnm=dict(
            type='NNMHead',
            start_epoch=40,
            miners=['query'],
            top_k=5,
            reduction='mean',
            temperature=0.1,
        ),
    )
)
