"""What HaLP costs: time and memory of a training iteration, as ratios to its MoCo baseline.

Both are trained on random clips of the config's layout and measured in turns, so that whatever
else the machine does falls on both. Compare HaLP, Table 4: 1.13x and 1x.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import BaseModel

from halp_mm.registry import MODELS
from halp_mm.skeletons import get_layout
from halp_mm.training_progress import TrainingProgress

METHODS = ('moco', 'halp')


class Training:
    """A training whose iterations can be run one by one; HaLP is active from the first.

    Args:
        config: The HaLP config.
        method: ``'halp'``, or ``'moco'`` for the config without its HaLP heads.
        batch_size: Clips of an iteration.
    """

    def __init__(self, config: Config, method: str, batch_size: int) -> None:
        torch.manual_seed(0)
        heads = [head for head in config.model.heads if method == 'halp' or 'HaLP' not in head.type]
        preprocessor = config.data_preprocessor
        self.model: BaseModel = MODELS.build(
            {**config.model, 'heads': heads, 'data_preprocessor': preprocessor}
        ).to(get_device())
        self.epoch = max(head.start_epoch for head in self.model.heads)
        self.optimizer = torch.optim.SGD(self.model.query_networks.parameters(), 0.01, 0.9)
        layout = get_layout(config.model.encoder.get('layout', 'kinect_v2'))
        people = config.model.encoder.get('num_people', 2)
        self.batch = {
            'clips': torch.randn(batch_size, people, 60, layout.num_joints, 3),
            'num_frames': torch.full((batch_size,), 60),
            'labels': torch.zeros(batch_size, dtype=torch.long),
            'layout': layout,
            'normalized': False,
        }
        self.iteration = 0
        for stream in self.model.queues.values():  # as after the start of a real training
            stream.num_enqueued.fill_(stream.size)

    def step(self) -> None:
        """One iteration: views, losses, gradients, update."""
        self.model.set_progress(TrainingProgress(self.epoch, self.iteration, 1000))
        losses = self.model(**self.model.data_preprocessor(self.batch, True), mode='loss')
        self.optimizer.zero_grad()
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        self.optimizer.step()
        self.iteration += 1

    def seconds(self, iterations: int) -> float:
        """Time of some iterations."""
        start = time.perf_counter()
        for _ in range(iterations):
            self.step()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter() - start


def peak_memory(config: Config, method: str, batch_size: int) -> int:
    """Bytes that a training takes at its peak, beyond the imported libraries."""
    if torch.cuda.is_available():
        Training(config, method, batch_size).seconds(12)
        return torch.cuda.max_memory_allocated()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    Training(config, method, batch_size).seconds(12)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def main() -> None:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(description='What HaLP costs, beside its MoCo baseline')
    parser.add_argument('config', nargs='?', default='configs/halp/bigru_msr-action3d_xsub.py')
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=30, help='turns of 5 iterations each')
    parser.add_argument('--memory-of', choices=METHODS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    config = Config.fromfile(args.config)
    if args.memory_of:
        print(peak_memory(config, args.memory_of, args.batch_size))
        return
    memory = {}
    for method in METHODS:  # each in a process of its own: a process never gets smaller again
        command = [sys.executable, *sys.argv, '--memory-of', method]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        memory[method] = int(output.split()[-1])
    trainings = {method: Training(config, method, args.batch_size) for method in METHODS}
    for training in trainings.values():
        training.seconds(5)
    # Five iterations hold one update of the prototypes, as in a long training.
    turns = [{m: t.seconds(5) / 5 for m, t in trainings.items()} for _ in range(args.rounds)]
    ratio = statistics.median(turn['halp'] / turn['moco'] for turn in turns)
    moco = statistics.median(turn['moco'] for turn in turns)
    print(
        f'{args.config}, batch {args.batch_size}, {get_device()}, {torch.get_num_threads()} threads'
    )
    print(f'MoCo iteration     {1000 * moco:.1f} ms, {memory["moco"] / 2**20:.0f} MiB')
    print(f'HaLP / MoCo time   {ratio:.3f}')
    print(f'HaLP / MoCo memory {memory["halp"] / memory["moco"]:.3f}')


if __name__ == '__main__':
    main()
