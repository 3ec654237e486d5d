# MAE sized for a few hundred short clips and 2 CPU cores.
_base_ = './mamp_small.py'

method = 'MAE'
model = dict(heads=dict(masked=dict(target='coordinates')))
data_preprocessor = dict(
    views=dict(masked=dict(transforms=[dict(type='SpatioTemporalMask', ratio=0.9)]))
)
