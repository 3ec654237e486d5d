_base_ = './bigru_improvised_kinect-v2.py'

model = dict(encoder=dict(layout='h36m17'))
train_dataloader = dict(
    dataset=dict(
        data_file='data/improvised_h36m17.safetensors',
        prepare_with=(
            'python tools/data/make_synthetic.py --improvised 1000 --layout h36m17 '
            '--out data/improvised_h36m17.safetensors'
        ),
    )
)
