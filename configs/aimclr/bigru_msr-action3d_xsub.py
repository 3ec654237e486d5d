# AimCLR on the encoder of HaLP.
_base_ = './stgcn_msr-action3d_xsub.py'

train_dataloader = dict(batch_size=64)
model = dict(
    encoder=dict(
        _delete_=True,
        type='BiGRU',
        layout='msr_action3d',
        num_people=1,
        hidden_size=128,
        num_layers=2,
        bidirectional=True,
        pooling='mean',
    ),
    heads=dict(moco=dict(end_epoch=160), nnm=dict(start_epoch=160)),
)
train_cfg = dict(max_epochs=400)
optim_wrapper = dict(optimizer=dict(lr=0.4))
param_scheduler = [dict(type='MultiStepLR', milestones=[320], gamma=0.1)]
