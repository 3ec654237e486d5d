# ST-GCN at its full width, trained with labels by the schedule of its release on NTU, in batches of
# 64. (Its paper has another: learning rate 0.01, x 0.1 every 10 epochs.)
_base_ = ['../evaluation/classifier.py', '../default_runtime.py']

method = 'ST-GCN'
model = dict(
    type='SkeletonClassifier',
    encoder=dict(type='STGCN', base_channels=64, feature_dim=256, dropout=0.5),
    num_classes=60,
    streams=['joint'],
)
# The normalisation of SkeletonCLR, CrosSCLR and AimCLR, and no augmentation.
data_preprocessor = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='RelativeNormalize3D', num_frames=50)],
    views=dict(clip=[]),
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=80)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[10, 50], gamma=0.1)]

# Test clips are classified by the classifier instead of by kNN.
default_hooks = dict(
    evaluation=dict(
        _delete_=True, type='EvaluationHook', protocol=dict(type='ClassifierProtocol'), interval=5
    )
)
