"""What a training costs until its first iteration is done: CPU time of a process of its own."""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from halp_mm.datasets import ClipWriter

#: A training that ends after its first iteration.
PROGRAM = """
import os, sys
from halp_mm.commands import train
from halp_mm.engine.train_loop import EpochBasedTrainLoop

run_iter = EpochBasedTrainLoop.run_iter

def first_iteration(*given):
    run_iter(*given)
    sys.stdout.flush()
    os._exit(0)

EpochBasedTrainLoop.run_iter = first_iteration
train.main(sys.argv[1:])
"""


def write_clips(path: Path, count: int, frames: int) -> None:
    """A data file of so many random training clips, and 12 test clips."""
    random = np.random.default_rng(0)
    with ClipWriter(path, 'kinect_v2', ['a', 'b', 'c'], 'random') as writer:
        for i in range(count + 12):
            clip = random.standard_normal((1, frames, 25, 3), dtype=np.float32)
            split = 'xsub_train' if i < count else 'xsub_test'
            writer.add(f'clip{i}', clip, i % 3, [split])


def cpu_seconds(arguments: list[str]) -> float:
    """User and system time of a training until its first iteration is done."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, '-c', PROGRAM, *arguments]
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(getattr(after, name) - getattr(before, name) for name in ('ru_utime', 'ru_stime'))


def main() -> None:
    """Measure the numbers of clips in turns, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', default='configs/halp/bigru_synthetic_xsub.py')
    parser.add_argument('--clips', type=int, nargs='+', default=[100, 40000])
    parser.add_argument('--frames', type=int, default=60)
    parser.add_argument('--rounds', type=int, default=5)
    args = parser.parse_args()
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    with tempfile.TemporaryDirectory() as folder:
        arguments = {}
        for count in args.clips:
            file = Path(folder, f'{count}.safetensors')
            write_clips(file, count, args.frames)
            arguments[count] = [
                *(args.config, '--work-dir', str(Path(folder, 'run')), '--cfg-options'),
                *(
                    f'{key}.data_file={file}'
                    for key in ('train_dataloader.dataset', 'test_dataset')
                ),
                'train_dataloader.batch_size=16',
            ]
        turns = [{n: cpu_seconds(arguments[n]) for n in args.clips} for _ in range(args.rounds)]
    for count in args.clips:
        print(f'{count:>7} clips {statistics.median(turn[count] for turn in turns):6.2f} s')


if __name__ == '__main__':
    main()
