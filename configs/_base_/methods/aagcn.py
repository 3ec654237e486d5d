# 2s-AGCN, trained with labels in batches of 64: one model for joints, one for bones, whose scores
# are added. Its data have ISC's normalisation; the schedule is that of its paper.
_base_ = './stgcn.py'

method = '2s-AGCN'
model = dict(encoder=dict(_delete_=True, type='AGCN', num_people=2))
clip = [dict(type='FixedLength', num_frames=300, fill='repeat')]
data_preprocessor = dict(
    normalization=[dict(type='PreNormalize3D')], views=dict(clip=clip), evaluation_view=clip
)

train_cfg = dict(max_epochs=50)
param_scheduler = [dict(type='MultiStepLR', milestones=[30, 40], gamma=0.1)]
