"""Try 500 wrong configs, made from 10 shipped ones, on a file of random clips.

Run it by hand: ``python -m tests.wrong_configs``. It prints how many were refused before the first
step by one sentence that names the key, by what else they were stopped, and which were accepted.
"""

from __future__ import annotations

import copy
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from halp_mm.apis import training_config
from halp_mm.apis.config_checks import KNOWN_KEYS
from halp_mm.registry import DATASETS, HOOKS, MODELS, PROTOCOLS
from tests.conftest import write_random_clips
from tests.runs import ROOT

NAMES = [
    'moco/bigru_synthetic_xsub',
    'halp/bigru_synthetic_xsub',
    'halp/bigru_msr-action3d_xsub',
    'cmd/bigru_synthetic_xsub',
    'halp_cmd/bigru_msr-action3d_xsub',
    'isc/bigru-stgcn_synthetic_xsub',
    'isc/bigru-hcn_synthetic_xsub',
    'skeletonclr/stgcn_synthetic_xsub',
    'aimclr/stgcn_synthetic_xsub',
    'stgcn/stgcn_synthetic_xsub',
]
#: Sections of texts, paths and free names, of which a wrong one cannot be made blindly.
SKIPPED = {'visualizer', 'env_cfg', 'load_from', 'resume', 'log_level', 'default_scope'}
SKIPPED |= {
    'runner_type',
    'method',
    'layout',
    'prepare_with',
    'timer',
    'sampler_seed',
    'collate_fn',
}
#: Numbers that may be anything, or 0 and below.
FREE = {'main_degrees', 'other_degrees'}
ZERO = {'weight_decay', 'num_workers', 'start_epoch', 'seed', 'dropout', 'momentum', 'hardness'}
ZERO |= {'amplitude', 'joint_ratio', 'std', 'probabilities', 'weight', 'decay_mult', 'lr_mult'}


def leaves(node: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """The numbers, flags and lists of numbers of a config, with their places."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        if key in SKIPPED | FREE:
            continue
        if isinstance(value, dict) or (
            isinstance(value, (list, tuple)) and any(isinstance(v, dict) for v in value)
        ):
            yield from leaves(value, (*path, key))
        elif isinstance(value, (bool, int, float, str, list, tuple)):
            yield (*path, key), value


def wrong_values(key: str, value: Any, source: random.Random) -> Any:
    """A value that makes no sense in the place of another."""
    if isinstance(value, bool):
        return source.choice(['yes', 3, None.__class__.__name__])
    if isinstance(value, (int, float)):
        return source.choice([float('nan'), -1.5, 'many', [value]] + [0] * (key not in ZERO))
    if isinstance(value, str):
        return value + 'x'
    return source.choice([-3, 'none', [float('nan')]])


def misspell(key: str, source: random.Random) -> str:
    """A key with two letters exchanged, one left out or one doubled."""
    place = source.randrange(len(key) - 1)
    first, second = key[place : place + 2]
    middle = source.choice([second + first, second, first + first + second])
    return key[:place] + middle + key[place + 2 :]


def mutate(config: dict, source: random.Random) -> tuple[str, dict]:
    """A wrong config, and the key that is wrong in it, or the unknown name of a component."""
    known = {key: value for key, value in config.items() if key in KNOWN_KEYS - SKIPPED}
    *parents, last = source.choice(list(leaves(known)))[0]
    wrong = copy.deepcopy(config)
    here = wrong
    for parent in parents:
        here[parent] = list(here[parent]) if isinstance(here[parent], tuple) else here[parent]
        here = here[parent]
    if isinstance(last, str) and source.random() < 0.4 and len(last) > 1:
        new = misspell(last, source)
        while new in here:
            new = misspell(last, source)
        here[new] = here.pop(last)
        return new, wrong
    here[last] = wrong_values(str(last), here[last], source)
    return str(here[last] if last == 'type' else last), wrong


def start(config: dict, work_dir: Path) -> None:
    """All that a training does before it is started, but for reading weights."""
    config = training_config(Config(config), work_dir=work_dir)
    for dataset in (config.train_dataloader.dataset, config.test_dataset):
        DATASETS.build(dataset)
    MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    for hook in [*config.default_hooks.values(), *config.get('custom_hooks', [])]:
        HOOKS.build(hook)
    for protocol in config.protocols.values():
        PROTOCOLS.build(protocol)


def shipped(name: str, folder: Path) -> dict:
    """A shipped config on random clips."""
    config = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    layout = 'msr_action3d' if 'msr' in name else 'kinect_v2'
    data_file = folder / f'{layout}.safetensors'
    if not data_file.exists():
        write_random_clips(data_file, layout)
    config.train_dataloader.dataset.update(data_file=str(data_file), split='train')
    config.test_dataset.update(data_file=str(data_file), split='test')
    return config.to_dict()


def try_out(count: int, seed: int = 0) -> tuple[Counter, list[str]]:
    """Try so many wrong configs.

    Returns:
        How many ended how: ``'refused'``, ``'refused without the key'``, ``'accepted'``, or the
        name of another exception; and a line for each that was not refused as it should be.
    """
    source, outcomes, lines = random.Random(seed), Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        configs = [shipped(name, Path(folder)) for name in NAMES]
        for config in configs:
            start(copy.deepcopy(config), Path(folder, 'run'))
        for i in range(count):
            name = NAMES[i % len(NAMES)]
            key, wrong = mutate(configs[i % len(NAMES)], source)
            try:
                start(wrong, Path(folder, 'run'))
                outcome, message = 'accepted', ''
            except (ValueError, OSError) as error:
                message = str(error)
                # A stage of the queue, the copy or a stream says the last word of its key only.
                outcome = 'refused' if key.split('_')[-1] in message else 'refused without the key'
            except Exception as error:
                outcome, message = type(error).__name__, str(error)
            outcomes[outcome] += 1
            if outcome != 'refused':
                lines.append(f'{outcome}: {name}, {key}: {message}')
    return outcomes, lines


if __name__ == '__main__':
    found, details = try_out(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
    print('\n'.join(sorted(details)))
    print(dict(found))
