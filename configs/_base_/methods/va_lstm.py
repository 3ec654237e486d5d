# VA-LSTM, trained with labels: an LSTM that sees each frame from a camera whose pose is learnt. In
# batches of 256: the data set's loader is set in the configs. The release lowers the learning rate
# on plateaus and stops early, by its test clips; here both are fixed.
_base_ = './stgcn.py'

method = 'VA-LSTM'
model = dict(
    encoder=dict(
        _delete_=True,
        type='ViewAdaptedEncoder',
        encoder=dict(
            type='LSTM',
            num_people=2,
            hidden_size=100,
            num_layers=3,
            dropout=0.5,
            orthogonal_gain=0.001,
        ),
        noise_std=0.075,
    )
)
clip = [dict(type='FixedLength', num_frames=300)]
turn = dict(type='Rotate', main_degrees=(-17.2, 17.2), other_degrees=(-17.2, 17.2))
data_preprocessor = dict(
    normalization=[dict(type='FirstFrameNormalize')],
    views=dict(clip=[*clip, turn]),
    evaluation_view=clip,
)

train_cfg = dict(max_epochs=100)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='Adam', lr=5e-3), clip_grad=dict(max_norm=1.0)
)
param_scheduler = [dict(type='MultiStepLR', milestones=[60, 80], gamma=0.1)]
