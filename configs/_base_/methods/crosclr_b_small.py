# CrosSCLR-B sized for a few hundred short clips; mining across streams is its second stage.
_base_ = './moco_small.py'

method = 'CrosSCLR'
model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(
        moco=dict(end_epoch=130), cross_stream=dict(type='CrossStreamHead', start_epoch=130)
    ),
)
