_base_ = ['../_base_/methods/pc.py', '../_base_/datasets/ntu60_xsub.py']

train_dataloader = dict(batch_size=256, dataset=dict(num_people=1))
test_dataset = dict(num_people=1)
