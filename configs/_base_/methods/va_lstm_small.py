# VA-LSTM sized for a few hundred short clips and 2 CPU cores.
_base_ = ['./va_lstm.py', '../evaluation/standardized_linear.py']

clip = [dict(type='CenterCropResize', ratio=0.95, num_frames=32)]
data_preprocessor = dict(
    views=dict(
        clip=[
            dict(type='TemporalCropResize', ratio=(0.7, 1.0), min_frames=16, num_frames=32),
            _base_.turn,
        ]
    ),
    evaluation_view=clip,
)
train_cfg = dict(max_epochs=80)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1)]
protocols = dict(linear=_base_.standardized_linear)
