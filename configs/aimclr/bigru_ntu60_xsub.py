# AimCLR on the encoder of HaLP.
_base_ = './stgcn_ntu60_xsub.py'

train_dataloader = dict(batch_size=64)
model = dict(
    encoder=dict(
        _delete_=True,
        type='BiGRU',
        num_people=2,
        hidden_size=1024,
        num_layers=3,
    ),
    queue_size=16384,
)
train_cfg = dict(max_epochs=450)
optim_wrapper = dict(optimizer=dict(lr=0.01))
param_scheduler = [dict(type='MultiStepLR', milestones=[350], gamma=0.1)]
