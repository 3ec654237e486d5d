_base_ = './ntu60_xsub.py'

train_dataloader = dict(dataset=dict(split='xview_train'))
test_dataset = dict(split='xview_test')
