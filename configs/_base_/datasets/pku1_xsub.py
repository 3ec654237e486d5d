_base_ = './clips.py'

data_file = 'data/pku1.safetensors'
prepare_with = 'python tools/data/prepare_pku.py ROOT --part 1 --out data/pku1.safetensors'
train_dataloader = dict(
    dataset=dict(data_file=data_file, split='xsub_train', prepare_with=prepare_with)
)
test_dataset = dict(data_file=data_file, split='xsub_test', prepare_with=prepare_with)
