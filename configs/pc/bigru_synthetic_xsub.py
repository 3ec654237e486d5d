_base_ = ['../_base_/methods/pc_small.py', '../_base_/datasets/synthetic_xsub.py']

train_dataloader = dict(dataset=dict(num_people=1))
test_dataset = dict(num_people=1)
