# SkeletonBT, the baseline of PSTL: Barlow Twins on SkeletonCLR's encoder and data. In batches of
# 128: the data set's loader is set in the configs.
_base_ = './skeletonclr.py'

method = 'SkeletonBT'
model = dict(
    projector=dict(
        hidden_dim=[6144, 6144], out_dim=6144, normalize=False, batch_norm=True, bias=False
    ),
    heads=dict(
        moco=None,
        twins=dict(type='CrossCorrelationHead', off_diagonal_weight=2e-4),
    ),
)

# Both views are of one family. Draws are each clip's own; in the release all clips of a batch
# share them: dict(type='SameDraws', transforms=view).
view = [
    dict(type='TemporalShiftCrop', padding_ratio=6),
    dict(type='Shear', amplitude=1.0),
    dict(type='Rotate', main_degrees=(0, 30), other_degrees=(0, 1)),
    dict(type='RandomChoice', transforms=[dict(type='SpatialFlip')], probabilities=[0.5]),
]
data_preprocessor = dict(views=dict(query=view, key=None, other_query=view))

train_cfg = dict(max_epochs=150)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=5e-3, weight_decay=1e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=10, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=10, T_max=140, end=150, convert_to_iter_based=True),
]
protocols = dict(linear=dict(epochs=150, optimizer='Adam', learning_rate=0.01, cosine=True))
