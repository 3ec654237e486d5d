# LongT GAN sized for a few hundred short clips and 2 CPU cores.
_base_ = ['./longt_gan.py', '../evaluation/small.py']

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

protocols = _base_.small
