_base_ = './ntu120_xsub.py'

train_dataloader = dict(dataset=dict(split='xset_train'))
test_dataset = dict(split='xset_test')
