_base_ = './bigru_improvised_kinect-v2.py'

model = dict(encoder=dict(layout='coco17'))
# Poses in an image, and a score.
data_preprocessor = dict(normalization=[dict(type='PreNormalize2D')])
train_dataloader = dict(
    dataset=dict(
        data_file='data/improvised_coco17.safetensors',
        prepare_with=(
            'python tools/data/make_synthetic.py --improvised 1000 --layout coco17 '
            '--out data/improvised_coco17.safetensors'
        ),
    )
)
