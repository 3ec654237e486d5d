# The protocols of ISC, CMD and HaLP.
train_view = [dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=64, num_frames=64)]
# The papers give no schedule for what trains the encoder as well: it has the epochs, milestones,
# batches and views of the linear layer, and the learning rate of pre-training.
finetune = dict(
    epochs=80,
    batch_size=64,
    learning_rate=0.01,
    milestones=[50, 70],
    train_view=train_view,
)
protocols = dict(
    knn=dict(type='KNNProtocol', k=1),
    coordinates=dict(type='CoordinatesProtocol'),
    retrieval=dict(type='RetrievalProtocol'),
    few_shot=dict(type='FewShotProtocol'),
    linear=dict(
        type='LinearProtocol',
        epochs=80,
        batch_size=64,
        learning_rate=0.005,
        milestones=[50, 70],
        train_view=train_view,
    ),
    finetune=dict(type='FinetuneProtocol', **finetune),
    semi=dict(type='SemiProtocol', label_fraction=[0.01, 0.1], draws=5, **finetune),
    transfer=dict(type='TransferProtocol', **finetune),
)
