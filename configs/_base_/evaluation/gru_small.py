_base_ = './gru.py'

# Settings for a few hundred clips, no paper's.
finetune = dict(
    epochs=40,
    batch_size=32,
    learning_rate=0.05,
    milestones=[30],
    train_view=[dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32)],
)
protocols = dict(
    # The linear layer sees the same crops in every epoch, so features are computed once.
    linear=dict(learning_rate=1.0, epochs=200, milestones=[120, 170], train_view=None),
    finetune=finetune,
    semi=finetune,
    transfer=finetune,
)
