# H-Transformer sized for some hundred to some thousand clips and 2 CPU cores: crops of 32 frames,
# normalised and augmented as in MoCo's small recipe.
_base_ = './h_transformer.py'

model = dict(
    encoder=dict(num_frames=32, hidden_size=128, mlp_ratio=2.0),
    heads=dict(direction=dict(num_units=16)),
)
crop = dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32)
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D')],
    views=dict(
        clean=[crop, dict(type='Shear', amplitude=0.5), dict(type='JointOffset', std=0.2)],
    ),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)

# Matrices of this size are no faster with more threads.
num_threads = 1
optim_wrapper = dict(optimizer=dict(lr=1e-3))

finetune = dict(epochs=40, learning_rate=1e-3, milestones=[30], cosine=False, train_view=[crop])
protocols = dict(
    linear=dict(
        standardize=True,
        optimizer='SGD',
        learning_rate=0.01,
        weight_decay=0.05,
        epochs=100,
        milestones=[60, 85],
    ),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
