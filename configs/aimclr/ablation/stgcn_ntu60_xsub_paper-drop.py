# AimCLR with masks of the drop as the paper words them; the release's are the default.
_base_ = '../stgcn_ntu60_xsub.py'

model = dict(derived_maps=dict(extreme_drop=dict(variant='paper')))
