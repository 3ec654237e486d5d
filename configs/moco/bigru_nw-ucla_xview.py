_base_ = ['../_base_/methods/moco_small.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(encoder=dict(layout='kinect_v1', num_people=1, hidden_size=128))
# A thousand clips make 15 steps an epoch: fewer epochs, smaller steps.
train_cfg = dict(max_epochs=150)
optim_wrapper = dict(optimizer=dict(lr=0.2))
param_scheduler = [dict(type='MultiStepLR', milestones=[120], gamma=0.1)]
