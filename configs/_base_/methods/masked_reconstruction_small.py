# What a mask hides is predicted from what it leaves: without embeddings.
_base_ = './moco_small.py'

method = 'Masked reconstruction'
model = dict(heads=dict(moco=None, masked=dict(type='MaskedPredictionHead')))
data_preprocessor = dict(
    views=dict(
        query=None,
        key=None,
        clean=_base_.view,
        masked=dict(base='clean', transforms=[dict(type='SpatioTemporalMask', ratio=0.5)]),
    )
)
