"""What a method costs: time and memory of a training iteration, as ratios to its baseline.

Both are trained on random clips of the config's layout, with all their heads of the last stage, and
measured in turns, so that whatever else the machine does falls on both. Compare HaLP, Table 4:
1.13x and 1x.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

import torch
from mmengine.device import get_device
from mmengine.model import BaseModel

from halp_mm.apis import load_config
from halp_mm.registry import MODELS
from halp_mm.skeletons import get_layout
from halp_mm.training_progress import TrainingProgress


class Training:
    """A training whose iterations can be run one by one; it is in its last stage from the first.

    Args:
        path: A config.
        batch_size: Clips of an iteration.
    """

    def __init__(self, path: str, batch_size: int) -> None:
        torch.manual_seed(0)
        config = load_config(path)
        self.model: BaseModel = MODELS.build(
            {**config.model, 'data_preprocessor': config.data_preprocessor}
        ).to(get_device())
        self.epoch = max(term.start_epoch for term in self.model.terms.values())
        self.optimizer = torch.optim.SGD(self.model.query_networks.parameters(), 0.01, 0.9)
        encoder = config.model.encoder
        encoder = encoder if 'type' in encoder else next(iter(encoder.values()))
        layout = get_layout(encoder.get('layout', 'kinect_v2'))
        people = config.train_dataloader.dataset.num_people
        self.batch = {
            'clips': torch.randn(batch_size, people, 60, layout.num_joints, 3),
            'num_frames': torch.full((batch_size,), 60),
            'labels': torch.zeros(batch_size, dtype=torch.long),
            'layout': layout,
            'normalized': False,
        }
        self.iteration = 0
        for queues in self.model.queues.values():  # as after the start of a real training
            for queue in queues.values():
                queue.num_enqueued.fill_(queue.size)

    def step(self) -> None:
        """One iteration: views, losses, gradients, update."""
        self.batch['progress'] = TrainingProgress(
            self.epoch, 1000 * self.epoch + self.iteration, 1000
        )
        losses = self.model(**self.model.data_preprocessor(self.batch, True), mode='loss')
        self.optimizer.zero_grad()
        self.model.parse_losses(losses)[0].backward()
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


def peak_memory(path: str, batch_size: int) -> int:
    """Bytes that a training takes at its peak, beyond the imported libraries."""
    if torch.cuda.is_available():
        Training(path, batch_size).seconds(12)
        return torch.cuda.max_memory_allocated()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    Training(path, batch_size).seconds(12)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def main() -> None:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(description='What a method costs, beside its baseline')
    parser.add_argument('config', help='config of the method')
    parser.add_argument('baseline', help='config of its baseline')
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=30, help='turns of 5 iterations each')
    parser.add_argument('--memory-of', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        print(peak_memory(args.memory_of, args.batch_size))
        return
    paths = (args.config, args.baseline)
    memory = []
    for path in paths:  # each in a process of its own: a process never gets smaller again
        command = [sys.executable, *sys.argv, '--memory-of', path]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        memory.append(int(output.split()[-1]))
    trainings = [Training(path, args.batch_size) for path in paths]
    for training in trainings:
        training.seconds(5)
    # Five iterations hold one update of HaLP's prototypes, as in a long training.
    turns = [[training.seconds(5) / 5 for training in trainings] for _ in range(args.rounds)]
    ratio = statistics.median(method / baseline for method, baseline in turns)
    baseline = statistics.median(turn[1] for turn in turns)
    print(
        f'{args.config} beside {args.baseline}\nbatch {args.batch_size}, {get_device()}, '
        f'{torch.get_num_threads()} threads'
    )
    print(f'baseline iteration {1000 * baseline:.1f} ms, {memory[1] / 2**20:.0f} MiB')
    print(f'time               {ratio:.3f} times as much')
    print(f'memory             {memory[0] / memory[1]:.3f} times as much')


if __name__ == '__main__':
    main()
