# A linear probe for features of any scale, such as those of an untrained encoder: a base of small
# configs, which make it their protocol `linear`.
standardized_linear = dict(
    _delete_=True,
    type='LinearProtocol',
    standardize=True,
    learning_rate=0.01,
    weight_decay=0.05,
    epochs=100,
    batch_size=64,
    milestones=[60, 85],
)
