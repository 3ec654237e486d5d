# Pre-trained on the training clips of all sets together, and tested on each of them. The test clips
# of NW-UCLA x-sub are not among them: x-view trains on some.
_base_ = '../_base_/datasets/clips.py'

tested_on = ['msr-action3d_xsub', 'utd-mhad_xsub', 'nw-ucla_xview', 'msrc12_xsub']

data_file = 'data/kinect_pool.safetensors'
prepare_with = (
    'python tools/data/merge_data.py data/msr_action3d.safetensors data/nw_ucla.safetensors '
    'data/utd_mhad.safetensors data/msrc12.safetensors --to-layout kinect_v1 '
    '--protocols nw_ucla=xview --out data/kinect_pool.safetensors'
)
train_dataloader = dict(
    dataset=dict(data_file=data_file, split='train', prepare_with=prepare_with, num_people=1)
)
test_dataset = dict(data_file=data_file, split='test', prepare_with=prepare_with, num_people=1)

# The file is small and kept in memory: workers would only get in the way.
train_dataloader.update(num_workers=0, persistent_workers=False, pin_memory=False)
