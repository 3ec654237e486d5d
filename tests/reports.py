"""Result files as tools/test.py writes them, for tests of the report page."""

import json
from pathlib import Path

CONFIG = 'configs/halp/bigru_ntu60_xsub.py'


def result_content(config: str = CONFIG, seed: int = 0, top1: float = 50.0, **changes) -> dict:
    """A small result of three classes."""
    content = {
        'protocol': 'linear',
        'dataset': 'ntu60',
        'train_split': 'xsub_train',
        'test_split': 'xsub_test',
        'metrics': {'top1': top1, 'top5': 90.0, 'num_train': 9, 'num_test': 6},
        'warnings': [],
        'classes': [
            {'class': name, 'top1': 50.0, 'num_train': 3, 'num_test': 2}
            for name in ('sit', 'stand', 'wave')
        ],
        'confusion': [[2, 0, 0], [1, 1, 0], [0, 2, 0]],
        'checkpoint': 'work_dirs/epoch_1.pth',
        'checkpoint_sha256': '0' * 64,
        'config': config,
        'config_sha256': 'a' * 64,
        'settings': {'type': 'LinearProtocol', 'epochs': 5, 'seed': seed},
        'seed': seed,
        'finished': f'2026-01-01T00:00:0{seed}+00:00',
    }
    return content | changes


def write_result(path: Path, **changes) -> Path:
    """Write :func:`result_content`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result_content(**changes)))
    return path


def fused_content(streams: tuple[str, ...] = ('joint', 'bone', 'motion'), **changes) -> dict:
    """A result of AimCLR's fused streams."""
    content = result_content(top1=70.0)
    for key in ('config', 'config_sha256', 'settings', 'finished', 'checkpoint'):
        del content[key]
    content['fused'] = [
        {
            'file': f'{stream}.npz',
            'weight': 0.4 if stream == 'motion' else 0.6,
            'config': f'configs/aimclr/stgcn_ntu60_xsub_{stream}.py',
            'checkpoint': f'{stream}.pth',
            'seed': 0,
        }
        for stream in streams
    ]
    return content | changes
