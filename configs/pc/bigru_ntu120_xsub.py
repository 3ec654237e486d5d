_base_ = ['../_base_/methods/pc.py', '../_base_/datasets/ntu120_xsub.py']

train_dataloader = dict(batch_size=256, dataset=dict(num_people=1))
test_dataset = dict(num_people=1)

# As many iterations as on NTU-60 x-sub.
train_cfg = dict(max_epochs=61)
