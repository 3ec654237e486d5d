# The protocols of SkeletonCLR, CrosSCLR and AimCLR: no augmentation.
protocols = dict(
    knn=dict(type='KNNProtocol', k=1),
    retrieval=dict(type='RetrievalProtocol'),
    linear=dict(
        type='LinearProtocol', epochs=100, batch_size=128, learning_rate=3.0, milestones=[80]
    ),
)
