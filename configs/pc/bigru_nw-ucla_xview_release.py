# The later PyTorch release: the weights that it calls fixed are trained, and frames after a clip's
# end count. All of the encoder's cells run forward in time.
_base_ = ['../_base_/methods/pc.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(
    encoder=dict(layout='kinect_v1', bidirectional=False),
    heads=dict(regeneration=dict(as_released=True)),
)
train_cfg = dict(max_epochs=500)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = []
