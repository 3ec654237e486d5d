# AimCLR whose D3M also pulls a masked view to the normal one.
_base_ = './aimclr_small.py'

method = 'AimCLR + masked views'
model = dict(heads=dict(d3m=dict(followers=['extreme', 'extreme_drop', 'masked'])))
data_preprocessor = dict(
    views=dict(
        masked=dict(
            base='query',
            transforms=[dict(type='SemanticTubeMask', ratio=(0.3, 0.6), cell_frames=4)],
        )
    )
)
