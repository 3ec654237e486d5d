# The protocols of MAMP. Its linear layer has a batch norm before it, fine-tuning a perceptron and
# layer-wise learning rates; both are plain here.
train_view = [dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=64, num_frames=120)]
finetune = dict(
    epochs=100, batch_size=48, learning_rate=0.01, milestones=[70, 90], train_view=train_view
)
protocols = dict(
    knn=dict(type='KNNProtocol', k=1),
    coordinates=dict(type='CoordinatesProtocol'),
    retrieval=dict(type='RetrievalProtocol'),
    few_shot=dict(type='FewShotProtocol'),
    linear=dict(
        type='LinearProtocol',
        epochs=100,
        batch_size=256,
        learning_rate=0.1,
        milestones=[70, 90],
        train_view=train_view,
    ),
    finetune=dict(type='FinetuneProtocol', **finetune),
    semi=dict(type='SemiProtocol', label_fraction=[0.01, 0.1], draws=5, **finetune),
    transfer=dict(type='TransferProtocol', **finetune),
)
