# HaLP on SLiM's encoder: another two heads read the embeddings of views that SLiM has anyway.
_base_ = './slim_small.py'

method = 'HaLP + SLiM'
model = dict(
    projector=dict(type='Projector', out_dim=64),
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.1, view='masked_1', key_view='global_2'),
        halp=dict(
            type='HaLPHead',
            start_epoch=40,
            temperature=0.1,
            view='masked_1',
            key_view='global_2',
        ),
    ),
    queue_size=1024,
)
