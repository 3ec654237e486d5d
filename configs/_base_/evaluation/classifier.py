# A classifier is judged by its own answers; kNN, retrieval and the linear probe look at its
# features. The settings of the linear probe are no paper's.
protocols = dict(
    classifier=dict(type='ClassifierProtocol'),
    knn=dict(type='KNNProtocol', k=1),
    coordinates=dict(type='CoordinatesProtocol'),
    retrieval=dict(type='RetrievalProtocol'),
    few_shot=dict(type='FewShotProtocol'),
    linear=dict(
        type='LinearProtocol', epochs=100, batch_size=128, learning_rate=0.1, milestones=[80]
    ),
)
