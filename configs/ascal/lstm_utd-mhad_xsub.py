_base_ = ['../_base_/methods/ascal_small.py', '../_base_/datasets/utd-mhad_xsub.py']

train_dataloader = dict(batch_size=32)
model = dict(encoder=dict(num_people=1))
