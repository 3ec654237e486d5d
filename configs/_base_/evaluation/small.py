# What the protocols of small configs have in common: a base of theirs, which they read as `small`.
crop = dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32)
tuned = dict(epochs=40, batch_size=32, learning_rate=0.05, milestones=[30], train_view=[crop])
small = dict(
    # The linear layer sees the same crops in every epoch, so features are computed once.
    linear=dict(
        standardize=True,
        learning_rate=0.01,
        weight_decay=0.05,
        epochs=100,
        milestones=[60, 85],
        train_view=None,
    ),
    finetune=tuned,
    semi=tuned,
    transfer=tuned,
)
del crop, tuned
