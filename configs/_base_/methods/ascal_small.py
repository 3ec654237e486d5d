# AS-CAL sized for a few hundred short clips and 2 CPU cores: views of 32 frames instead of the
# first 150, and an optimiser with which a short training gets somewhere.
_base_ = ['./ascal.py', '../evaluation/standardized_linear.py']

model = dict(queue_size=1024, momentum=0.99)
view = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=12, num_frames=32),
    *_base_.view[1:],
]
data_preprocessor = dict(
    views=dict(query=view, key=view),
    evaluation_view=[dict(type='CenterCropResize', ratio=0.95, num_frames=32)],
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01),
)
protocols = dict(linear=_base_.standardized_linear)
