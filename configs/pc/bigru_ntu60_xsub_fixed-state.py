# The decoder forgets all but the feature before each frame, and its weights are trained.
_base_ = './bigru_ntu60_xsub.py'

model = dict(heads=dict(regeneration=dict(fixed='state')))
