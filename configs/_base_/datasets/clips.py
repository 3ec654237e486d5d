train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='halp_mm.pad_clips'),
    dataset=dict(type='SkeletonDataset', num_people=2),
)
test_dataset = dict(type='SkeletonDataset', num_people=2)
