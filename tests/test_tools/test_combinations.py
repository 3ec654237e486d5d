"""Free combinations of encoders and methods, run end to end from their configs."""

import re

import pytest

from halp_mm.apis import load_config
from tests.conftest import write_random_clips
from tests.runs import ROOT, run_tool

STAGES = ('start_epoch', 'end_epoch')
SMALL_ENCODERS = {
    'stgcn': {
        'model.encoder.base_channels': 16,
        'model.encoder.stages': [1, 1],
        'model.encoder.feature_dim': 8,
    },
    'bigru': {'model.encoder.hidden_size': 8},
}


@pytest.mark.parametrize(
    ('name', 'first_stage', 'second_stage'),
    [
        ('halp/stgcn_msr-action3d_xsub', {'moco'}, {'moco', 'halp'}),
        ('aimclr/bigru_msr-action3d_xsub', {'moco', 'd3m'}, {'nnm', 'd3m'}),
        ('aimclr/stgcn_msr-action3d_xsub', {'moco', 'd3m'}, {'nnm', 'd3m'}),
        ('halp_aimclr/stgcn_msr-action3d_xsub', {'moco', 'd3m'}, {'nnm', 'd3m', 'halp'}),
    ],
)
def test_combination_trains_and_is_evaluated(tmp_path, name, first_stage, second_stage):
    data_file = write_random_clips(tmp_path / 'clips.safetensors', 'msr_action3d', 16)
    config = ROOT / 'configs' / f'{name}.py'
    options = {
        'train_dataloader.dataset.data_file': data_file,
        'train_dataloader.dataset.split': 'train',
        'train_dataloader.batch_size': 8,
        'test_dataset.data_file': data_file,
        'test_dataset.split': 'test',
        'model.projector.out_dim': 8,
        'model.queue_size': 32,
        'train_cfg.max_epochs': 2,
        'default_hooks.logger.interval': 1,
        'default_hooks.runtime_info.interval': 1,
        'protocols.linear.epochs': 5,
        **SMALL_ENCODERS[name.split('/')[1].split('_')[0]],
    }
    for name, head in load_config(config).model.heads.items():
        options |= {f'model.heads.{name}.{key}': 1 for key in STAGES if head.get(key)}
        if head.type == 'HaLPHead':
            options |= {f'model.heads.{name}.{key}': 3 for key in ('num_prototypes', 'num_newest')}
    overrides = ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]
    done = run_tool('train.py', config, '--work-dir', tmp_path / 'work', *overrides)
    assert done.returncode == 0, done.stderr
    for epoch, losses in ((1, first_stage), (2, second_stage)):
        # 10 training clips are one batch: a line an epoch.
        (line,) = re.findall(rf'Epoch\(train\) +\[{epoch}\].*', done.stdout + done.stderr)
        assert set(re.findall(r'joint/(\w+)/loss:', line)) == losses
    for protocol in ('knn', 'linear'):
        done = run_tool(
            *('test.py', config, tmp_path / 'work' / 'epoch_2.pth', '--protocol', protocol),
            *overrides,
        )
        assert done.returncode == 0, done.stderr
        assert 'top1' in done.stdout
