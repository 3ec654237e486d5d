# Supervised contrast on the BiGRU of the small MoCo: of labels that many clips of few people each
# would not have, such as those of improvised pieces.
_base_ = './moco_small.py'

method = 'SupCon'
model = dict(
    # How much joints move, in the whole clip and in each half, tells more than where they are.
    encoder=dict(motion=False, pooling='deviation', num_segments=2),
    projector=dict(hidden_dim=256, out_dim=128),
    heads=dict(moco=None, contrast=dict(type='SupervisedContrastHead', temperature=0.1)),
)
data_preprocessor = dict(
    views=dict(
        _delete_=True,
        query=[
            dict(type='TemporalCropResize', ratio=(0.6, 1.0), min_frames=16, num_frames=32),
            dict(type='JointOffset', std=0.2),
        ],
    ),
)
