# 2s-AGCN sized for a few hundred clips, with the views and schedule of the small ST-GCN.
_base_ = './stgcn_small.py'

method = '2s-AGCN'
model = dict(
    encoder=dict(
        _delete_=True,
        type='AGCN',
        num_people=2,
        base_channels=16,
        stages=(2, 2, 2),
        feature_dim=64,
        dropout=0.25,
        input_norm='axis',
        num_segments=4,
    )
)
