# USDRL: four views agree, and the entries of their embeddings are decorrelated, over frames, over
# joints, and of the whole clip. In batches of 356: the data set's loader is set in the configs.
_base_ = './moco.py'

method = 'USDRL'
model = dict(
    encoder=dict(_delete_=True, type='DSTE', num_people=2, num_frames=64, embed_dim=1024),
    projector=dict(hidden_dim=[2048, 2048], out_dim=4096, normalize=False, batch_norm=True),
    heads=dict(
        moco=None,
        decorrelation=dict(
            type='DecorrelationHead',
            part_projector=dict(
                type='Projector',
                hidden_dim=[2048, 2048],
                out_dim=2048,
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

train_cfg = dict(max_epochs=451)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=5e-4, weight_decay=1e-5))
param_scheduler = [dict(type='MultiStepLR', milestones=[351], gamma=0.1)]
protocols = dict(
    linear=dict(learning_rate=0.006, batch_size=512, epochs=160, milestones=[120, 140])
)
