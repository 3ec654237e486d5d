_base_ = ['../_base_/methods/mamp.py', '../_base_/datasets/ntu120_xsub.py']

train_dataloader = dict(batch_size=128)
data_preprocessor = dict(
    views=dict(masked=dict(transforms=[dict(type='MotionAwareMask', ratio=0.9, temperature=0.75)]))
)
