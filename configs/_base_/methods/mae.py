# The MAE baseline of MAMP: hidden coordinates are predicted, and any joint is hidden as often.
_base_ = './mamp.py'

method = 'MAE'
model = dict(heads=dict(masked=dict(target='coordinates')))
data_preprocessor = dict(
    views=dict(masked=dict(transforms=[dict(type='SpatioTemporalMask', ratio=0.9)]))
)
