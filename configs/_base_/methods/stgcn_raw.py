# ST-GCN as its paper feeds it: 300 raw frames, those beyond the clip's end zero, seen by a moving
# camera in training.
_base_ = './stgcn.py'

clip = [dict(type='FixedLength', num_frames=300)]
data_preprocessor = dict(
    normalization=[],
    views=dict(clip=[*clip, dict(type='RandomMove')]),
    evaluation_view=clip,
)
