# ISC's representations graph and image.
_base_ = './bigru-agcn_ntu60_xsub.py'

model = dict(
    encoder=dict(sequence=None, image=dict(type='HCN', num_frames=64)),
    streams=dict(_delete_=True, graph='joint', image='joint'),
)
