# What the protocols of small configs have in common: a base of theirs, which they read as `small`.
crop = dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32)
longer_crop = dict(crop, ratio=(0.7, 1.0))
tuned = dict(epochs=40, batch_size=32, learning_rate=0.05, milestones=[30], train_view=[crop])
linear = dict(
    standardize=True, learning_rate=0.01, weight_decay=0.05, epochs=100, milestones=[60, 85]
)
small = dict(
    # The linear layer sees whole clips, the same in every epoch, so features are computed once;
    linear=dict(linear, train_view=None),
    # or crops of each clip: about a point more accurate, and 16 times the encoding.
    linear_crops=dict(
        linear, type='LinearProtocol', batch_size=64, train_view=[longer_crop], num_views=16
    ),
    few_shot_crops=dict(type='FewShotProtocol', train_view=[longer_crop], num_views=8),
    finetune=tuned,
    semi=tuned,
    transfer=tuned,
)
del crop, longer_crop, tuned, linear
