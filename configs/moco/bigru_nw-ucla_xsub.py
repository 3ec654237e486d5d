_base_ = ['../_base_/methods/moco_small.py', '../_base_/datasets/nw-ucla_xsub.py']

model = dict(encoder=dict(layout='kinect_v1', num_people=1, hidden_size=128))
# Everybody faces the sensor; turned by the first pose, the coordinates themselves tell less.
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D', align_spine=False, align_shoulders=False)]
)
# Over 700 clips make 11 steps an epoch: fewer epochs, smaller steps.
train_cfg = dict(max_epochs=150)
optim_wrapper = dict(optimizer=dict(lr=0.2))
param_scheduler = [dict(type='MultiStepLR', milestones=[120], gamma=0.1)]
