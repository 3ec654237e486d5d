# The protocols of ISC, CMD and HaLP.
protocols = dict(
    knn=dict(type='KNNProtocol', k=1),
    retrieval=dict(type='RetrievalProtocol'),
    linear=dict(
        type='LinearProtocol',
        epochs=80,
        batch_size=64,
        learning_rate=0.005,
        milestones=[50, 70],
        train_view=[
            dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=64, num_frames=64)
        ],
    ),
)
