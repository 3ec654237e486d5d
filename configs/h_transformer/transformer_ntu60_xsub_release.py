# H-Transformer as its release prepares clips: zeros after a clip stretch the range, become a
# constant pose, and are frames like others.
_base_ = './transformer_ntu60_xsub.py'

frames = [
    dict(type='StrideFrames', num_frames=150),
    dict(type='MinMaxNormalize', counts_padding=True),
]
data_preprocessor = dict(normalization=[], views=dict(clean=frames), evaluation_view=frames)
