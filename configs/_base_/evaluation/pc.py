# The protocols of P&C: kNN. The other papers' tables repeat its kNN figures as linear ones. The
# paper has no settings for a linear layer or for fine-tuning: they are ISC's, without crops.
finetune = dict(epochs=80, batch_size=64, learning_rate=0.01, milestones=[50, 70])
protocols = dict(
    # Codes of a feature autoencoder are compared; features/top1 is the accuracy without it.
    knn=dict(type='KNNProtocol', k=1, autoencoder=dict(code_dim=125)),
    coordinates=dict(type='CoordinatesProtocol'),
    retrieval=dict(type='RetrievalProtocol'),
    few_shot=dict(type='FewShotProtocol'),
    linear=dict(
        type='LinearProtocol', epochs=80, batch_size=64, learning_rate=0.005, milestones=[50, 70]
    ),
    finetune=dict(type='FinetuneProtocol', **finetune),
    semi=dict(type='SemiProtocol', label_fraction=[0.01, 0.1], draws=5, **finetune),
    transfer=dict(type='TransferProtocol', **finetune),
)
