# LongT GAN sized for a few hundred short clips and 2 CPU cores.
_base_ = './longt_gan.py'

model = dict(
    encoder=dict(hidden_size=128, num_layers=1, input_norm='axis'),
    heads=dict(inpainting=dict(hidden_size=128, num_layers=1, discriminator_size=32)),
)
data_preprocessor = dict(
    views=dict(
        clean=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32)]
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

train_cfg = dict(max_epochs=200)

finetune = dict(
    epochs=40,
    batch_size=32,
    learning_rate=0.05,
    milestones=[30],
    train_view=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32)],
)
protocols = dict(
    # The linear layer sees the same crops in every epoch, so features are computed once.
    linear=dict(
        standardize=True,
        learning_rate=0.01,
        weight_decay=0.05,
        epochs=100,
        milestones=[60, 85],
        train_view=None,
    ),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
