_base_ = './clips.py'

data_file = 'data/ntu120.safetensors'
prepare_with = (
    'python tools/data/prepare_ntu.py RAW_DIR --dataset ntu120 --out data/ntu120.safetensors'
)
train_dataloader = dict(
    dataset=dict(data_file=data_file, split='xsub_train', prepare_with=prepare_with)
)
test_dataset = dict(data_file=data_file, split='xsub_test', prepare_with=prepare_with)
