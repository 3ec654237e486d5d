"""Result files as tools/test.py writes them, for tests of the report page."""

import json
from pathlib import Path


def run_content(
    method: str = 'HaLP',
    encoder: str = 'BiGRU',
    streams: tuple[str, ...] = ('joint',),
    seed: int = 0,
    dataset: str = 'ntu60',
    split: str = 'xsub_train',
    **changes,
) -> dict:
    """The identity of a run; what makes it another setting is in its hash."""
    content = {
        'method': method,
        'encoder': dict.fromkeys(streams, encoder),
        'streams': {stream: stream for stream in streams},
        'epochs': 450 if encoder == 'BiGRU' else 300,
        'processes': 1,
        'data': {
            'dataset': dataset,
            'layout': 'kinect_v2',
            'train_split': split,
            'file_sha256': 'd' * 64,
        },
        'overrides': {},
        'config': 'configs/mine.py',
        'config_sha256': 'a' * 64,
        'seed': seed,
    }
    return content | changes


def result_content(run: dict | None = None, top1: float = 50.0, **changes) -> dict:
    """A small result of three classes."""
    run = run_content() if run is None else run
    seed = run.get('seed')
    content = {
        'protocol': 'linear',
        'dataset': 'ntu60',
        'train_split': 'xsub_train',
        'test_split': 'xsub_test',
        'run': run,
        'metrics': {'top1': top1, 'top5': 90.0, 'num_train': 9, 'num_test': 6},
        'warnings': [],
        'classes': [
            {'class': name, 'top1': 50.0, 'num_train': 3, 'num_test': 2}
            for name in ('sit', 'stand', 'wave')
        ],
        'confusion': [[2, 0, 0], [1, 1, 0], [0, 2, 0]],
        'checkpoint': 'work_dirs/epoch_1.pth',
        'checkpoint_sha256': '0' * 64,
        'config': 'configs/mine.py',
        'config_sha256': 'c' * 64,
        'settings': {'type': 'LinearProtocol', 'epochs': 5, 'seed': seed},
        'seed': seed or 0,
        'finished': f'2026-01-01T00:00:{seed or 0:02d}+00:00',
    }
    return content | changes


def write_result(path: Path, run: dict | None = None, **changes) -> Path:
    """Write :func:`result_content`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result_content(run, **changes)), encoding='utf-8')
    return path


def fused_content(streams: tuple[str, ...] = ('joint', 'bone', 'motion'), **changes) -> dict:
    """A result of AimCLR's fused streams."""
    content = result_content(top1=70.0)
    for key in ('run', 'config', 'config_sha256', 'settings', 'finished', 'checkpoint'):
        del content[key]
    content['fused'] = [
        {
            'file': f'{stream}.npz',
            'weight': 0.4 if stream == 'motion' else 0.6,
            'run': run_content('AimCLR', 'STGCN', (stream,), config_sha256=stream[0] * 64),
            'checkpoint': f'{stream}.pth',
            'seed': 0,
        }
        for stream in streams
    ]
    return content | changes
