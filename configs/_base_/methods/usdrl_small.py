# USDRL on MoCo's small views, sized for a few hundred short clips and 2 CPU cores.
_base_ = './moco_small.py'

method = 'USDRL'
model = dict(
    encoder=dict(_delete_=True, type='DSTE', num_people=2, num_frames=32, embed_dim=64),
    projector=dict(hidden_dim=[256, 256], out_dim=256, normalize=False, batch_norm=True),
    heads=dict(
        moco=None,
        decorrelation=dict(
            type='DecorrelationHead',
            part_projector=dict(
                type='Projector',
                hidden_dim=[128, 128],
                out_dim=128,
                normalize=False,
                batch_norm=True,
            ),
        ),
    ),
)
data_preprocessor = dict(
    views=dict(
        query=None,
        key=None,
        first=_base_.view,
        second=_base_.view,
        third=_base_.view,
        fourth=_base_.view,
    )
)
optim_wrapper = dict(optimizer=dict(lr=0.001))
