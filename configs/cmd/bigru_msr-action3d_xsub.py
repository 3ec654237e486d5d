_base_ = '../moco/bigru_msr-action3d_xsub.py'

method = 'CMD'
model = dict(
    streams=['joint', 'motion', 'bone'],
    # From the start, at this learning rate, the streams agree that all clips are alike.
    heads=dict(cmd=dict(type='CMDHead', top_k=512, start_epoch=120)),
)
# Differences of frames are small numbers; at the baseline's learning rate their encoder collapses.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(motion=dict(lr_mult=0.075))))
# Fewer epochs than the baseline, for a run within 8 minutes.
train_cfg = dict(max_epochs=300)
param_scheduler = [dict(type='MultiStepLR', milestones=[240], gamma=0.1)]
