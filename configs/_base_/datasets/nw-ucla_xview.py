# As published: 95 of the test clips are copies of training clips. The split xview_clean_test leaves
# them out.
_base_ = './nw-ucla_xsub.py'

train_dataloader = dict(dataset=dict(split='xview_train'))
test_dataset = dict(split='xview_test')
