_base_ = './clips.py'

data_file = 'data/msrc12.safetensors'
prepare_with = (
    'python tools/data/prepare_folder.py msrc12 --layout kinect_v1 --labels msrc12/labels.csv '
    '--out data/msrc12.safetensors'
)
train_dataloader = dict(
    dataset=dict(data_file=data_file, split='xsub_train', prepare_with=prepare_with)
)
test_dataset = dict(data_file=data_file, split='xsub_test', prepare_with=prepare_with)

# The file is small and kept in memory: workers would only get in the way.
train_dataloader.update(num_workers=0, persistent_workers=False, pin_memory=False)
train_dataloader['dataset']['num_people'] = 1
test_dataset['num_people'] = 1
