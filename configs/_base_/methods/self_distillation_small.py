# A student's long and short crops are assigned to prototypes as its teacher's long crop is.
_base_ = './moco_small.py'

method = 'Self-distillation'
model = dict(projector=None, heads=dict(moco=None, prototypes=dict(type='PrototypeHead')))
short = [
    dict(type='TemporalCropResize', ratio=(0.2, 0.5), min_frames=8, num_frames=16),
    *_base_.view[1:],
]
data_preprocessor = dict(views=dict(query=None, key=None, long=_base_.view, short=short))
optim_wrapper = dict(optimizer=dict(lr=0.001))
