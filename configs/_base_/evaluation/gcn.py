# The protocols of SkeletonCLR, CrosSCLR and AimCLR: no augmentation.
# The papers give no schedule for what trains the encoder as well: it has the epochs, milestone and
# batches of the linear layer, and the learning rate of pre-training.
finetune = dict(epochs=100, batch_size=128, learning_rate=0.1, milestones=[80])
protocols = dict(
    knn=dict(type='KNNProtocol', k=1),
    coordinates=dict(type='CoordinatesProtocol'),
    retrieval=dict(type='RetrievalProtocol'),
    few_shot=dict(type='FewShotProtocol'),
    linear=dict(
        type='LinearProtocol', epochs=100, batch_size=128, learning_rate=3.0, milestones=[80]
    ),
    finetune=dict(type='FinetuneProtocol', **finetune),
    semi=dict(type='SemiProtocol', label_fraction=[0.01, 0.1], draws=5, **finetune),
    transfer=dict(type='TransferProtocol', **finetune),
)
