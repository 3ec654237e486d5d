# Contrast and prediction in one list of heads: HaLP, and what a mask hides.
_base_ = './halp_small.py'

method = 'HaLP + masked reconstruction'
model = dict(heads=dict(masked=dict(type='MaskedPredictionHead', target_view='query')))
data_preprocessor = dict(
    views=dict(
        masked=dict(base='query', transforms=[dict(type='SpatioTemporalMask', ratio=0.5)]),
    )
)
