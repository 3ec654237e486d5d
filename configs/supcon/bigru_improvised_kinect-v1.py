_base_ = './bigru_improvised_kinect-v2.py'

model = dict(encoder=dict(layout='kinect_v1'))
train_dataloader = dict(
    dataset=dict(
        data_file='data/improvised_kinect_v1.safetensors',
        prepare_with=(
            'python tools/data/make_synthetic.py --improvised 1000 --layout kinect_v1 '
            '--out data/improvised_kinect_v1.safetensors'
        ),
    )
)
