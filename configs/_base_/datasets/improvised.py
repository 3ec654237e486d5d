_base_ = './clips.py'

data_file = 'data/improvised_kinect_v2.safetensors'
prepare_with = (
    'python tools/data/make_synthetic.py --improvised 1000 --layout kinect_v2 '
    '--out data/improvised_kinect_v2.safetensors'
)
train_dataloader = dict(
    dataset=dict(data_file=data_file, split='train', prepare_with=prepare_with, num_people=1)
)
# All pieces are trained on.
test_dataset = None

# The file is small and kept in memory: workers would only get in the way.
train_dataloader.update(num_workers=0, persistent_workers=False, pin_memory=False)
