# CrosSCLR-B, a comparison of CMD's authors: CrosSCLR's heads on CMD's encoders, views and schedule.
# The epoch in which mining begins is not published; a third of the training is left for it.
_base_ = './moco.py'

method = 'CrosSCLR'
model = dict(
    streams=['joint', 'motion', 'bone'],
    heads=dict(
        moco=dict(end_epoch=300),
        cross_stream=dict(type='CrossStreamHead', temperature=0.07, start_epoch=300),
    ),
)
