"""How fast batches are read from a data file, and gathered from clips that are on the device.

Each way makes the same batches, in turns, so that whatever else the machine does falls on all.
Times are those of the processor; the file is in the system's cache. Reading sample by sample, each
looked at again and then padded, is how it was done before. The bound of gathering is an
``index_select`` from a tensor in which all clips are padded to the longest.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from halp_mm.apis import load_config
from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset, pad_clips, with_people
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from halp_mm.models import SkeletonPreprocessor
from halp_mm.models.data_preprocessors import build_preprocessor
from halp_mm.tables import table_text

_BATCH, _JOINTS, _PEOPLE = 64, 25, 2
_FROM_FILE, _RESIDENT, _VIEWS = 'read', 'gathered', 'gathered, with views'


def write_clips(path: Path, count: int) -> None:
    """A data file of random clips of 1 or 2 people and 20 to 40 frames."""
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=(_PEOPLE, 40, _JOINTS, 3)).astype(np.float32)
    with ClipWriter(path, 'kinect_v2', ['some'], 'random') as writer:
        for i in range(count):
            frames = int(generator.integers(20, 41))
            clip = numbers[: 1 + i % 2, :frames] + np.float32(i / count)
            writer.add(f'clip{i}', clip, 0, ['all'])


def ways_to_batches(
    path: Path, preprocessor: SkeletonPreprocessor
) -> dict[str, dict[str, Callable[[list[int]], object]]]:
    """The ways by what they do: functions of the clips' positions; the first way is the measure."""
    storage = ClipStorage(path)
    file, resident = (SkeletonDataset(path, 'all', _PEOPLE) for _ in range(2))
    resident.keep_on('cpu')
    padded = resident.batch(range(len(resident)))

    def sample(position: int) -> dict:
        clip = storage.clip(position)
        if describe_bad_coordinates(clip):
            raise SystemExit('error: the file is damaged')
        facts = {'label': 0, 'index': position, 'layout': storage.layout, 'normalized': False}
        return {'clip': with_people(clip, _PEOPLE), **facts}

    def selected(positions: list[int]) -> dict:
        chosen = torch.tensor(positions)
        rows = {key: padded[key][chosen] for key in ('num_frames', 'labels', 'indices')}
        return {**padded, **rows, 'clips': padded['clips'].index_select(0, chosen)}

    def collated(positions: list[int]) -> dict:
        return pad_clips([resident[position] for position in positions])

    def seen(batch: Callable[[list[int]], dict]) -> Callable[[list[int]], dict]:
        return lambda positions: preprocessor(batch(positions), training=True)

    gathered = {'index_select': selected, 'by index': resident.batch, 'sample by sample': collated}
    return {
        _FROM_FILE: {
            'batch by batch': file.batch,
            'sample by sample, looked at': lambda positions: pad_clips(
                list(map(sample, positions))
            ),
        },
        _RESIDENT: gathered,
        _VIEWS: {name: seen(batch) for name, batch in gathered.items()},
    }


def epoch_seconds(
    ways: Mapping[str, Callable[[list[int]], object]], batches: list[list[int]]
) -> Counter:
    """Processor time of each way for all batches."""
    seconds: Counter = Counter()
    for positions in batches:
        for name, way in ways.items():
            start = time.process_time()
            way(positions)
            seconds[name] += time.process_time() - start
    return seconds


def main() -> None:
    """Measure, and print the times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('config', help='says what the views are')
    parser.add_argument('--clips', type=int, default=40_000)
    parser.add_argument('--rounds', type=int, default=3, help='epochs of each way')
    args = parser.parse_args()
    config = load_config(args.config).data_preprocessor
    preprocessor = build_preprocessor(config, ['joint'], config['views'])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'clips.safetensors')
        write_clips(path, args.clips)
        order = torch.randperm(args.clips, generator=torch.Generator().manual_seed(0)).tolist()
        batches = [order[start : start + _BATCH] for start in range(0, args.clips, _BATCH)]
        for what, ways in ways_to_batches(path, preprocessor).items():
            epoch_seconds(ways, batches[:3])
            rounds = [epoch_seconds(ways, batches) for _ in range(args.rounds)]
            first = next(iter(ways))
            for name in ways:
                seconds = statistics.median(one[name] for one in rounds)
                ratio = statistics.median(one[name] / one[first] for one in rounds)
                rows.append([what, name, f'{seconds:.2f} s', f'{ratio:.2f}'])
    print(f'{args.clips} clips, batches of {_BATCH}, median of {args.rounds} epochs, one thread')
    print(table_text(rows, ['clips', 'way', 'an epoch', 'ratio']))


if __name__ == '__main__':
    torch.set_num_threads(1)
    main()
