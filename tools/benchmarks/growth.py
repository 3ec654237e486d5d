"""What a clip costs as the data grow: writing, opening, an epoch, kNN, results and report.

Clips are of random numbers and short, so that what is done for each clip counts, not its length.
Times are those of the processor. Each size is measured once; figures are kept after each, and what
is there already is not measured again.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch.utils.data import DataLoader

from halp_mm.apis import load_config, make_results, write_results
from halp_mm.apis.results import make_origin
from halp_mm.atomic_write import atomic_write
from halp_mm.datasets import ClipWriter, SkeletonDataset, pad_clips
from halp_mm.evaluation import EvaluationResult, knn_scores, top_k_accuracy
from halp_mm.reporting import write_report
from halp_mm.run_identity import run_identity
from halp_mm.tables import table_text

CLASSES = [f'action {number}' for number in range(1, 61)]
NUM_FRAMES = 8
FEATURE_DIM = 256
NUM_QUERIES = 200
CONFIG = 'configs/halp/bigru_synthetic_xsub.py'
STEPS = {
    'writing': 'write the data file',
    'opening': 'open it',
    'epoch': 'an epoch of batches of 64',
    'knn': f'kNN, {NUM_QUERIES} test clips',
    'results': 'results and report page',
}


class Measurement:
    """The processor time of the steps, for one number of clips."""

    def __init__(self, folder: Path, num_clips: int) -> None:
        self.folder = folder
        self.num_clips = num_clips
        self.file = folder / 'clips.safetensors'
        self.microseconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done within ``with``, for each clip."""
        start = time.process_time()
        yield
        self.microseconds[name] = 1e6 * (time.process_time() - start) / self.num_clips

    def run(self) -> dict[str, float]:
        """Do all steps, and return the microseconds of a clip by step."""
        self.write()
        with self.step('opening'):
            dataset = SkeletonDataset(self.file, 'train', num_people=1)
        loader = DataLoader(dataset, 64, shuffle=True, collate_fn=pad_clips)
        with self.step('epoch'):
            for _ in loader:
                pass
        self.search(dataset.labels)
        self.report(dataset)
        return self.microseconds

    def write(self) -> None:
        """Write clips that repeat one block of random numbers."""
        clip = np.random.default_rng(0).normal(size=(1, NUM_FRAMES, 25, 3)).astype(np.float32)
        with (
            self.step('writing'),
            ClipWriter(self.file, 'kinect_v2', CLASSES, 'random') as writer,
        ):
            for number in range(self.num_clips):
                writer.add(f'{number}', clip, number % len(CLASSES), ['train'])

    def search(self, labels: torch.Tensor) -> None:
        """Find the nearest of all clips for some queries."""
        gallery = torch.randn(self.num_clips, FEATURE_DIM)
        queries = torch.randn(NUM_QUERIES, FEATURE_DIM)
        with self.step('knn'):
            knn_scores(gallery, labels, queries, len(CLASSES))

    def report(self, dataset: SkeletonDataset) -> None:
        """Judge class scores of all clips, write the results, and a page of them."""
        config = load_config(CONFIG)
        scores = torch.rand(self.num_clips, len(CLASSES))
        with self.step('results'):
            run = run_identity(config, dataset.metainfo)
            result = EvaluationResult(
                {f'top{k}': top_k_accuracy(scores, dataset.labels, k) for k in (1, 5)},
                scores,
                dataset.labels,
                dataset.names,
                CLASSES,
                *('random', 'train', 'KNNProtocol'),
                origin=make_origin(config, None, 'knn', dataset, run),
            )
            results = make_results(result, {}, dataset.data_files, 0.0)
            write_results(results, self.folder / 'results' / 'knn.json')
            write_report(self.folder / 'results', self.folder / 'report.html')


def draw(figures: dict[int, dict[str, float]], picture: Path) -> None:
    """Draw the microseconds of a clip over the number of clips."""
    figure = Figure(figsize=(6.4, 4), layout='constrained')
    axes = figure.add_subplot()
    for name, label in STEPS.items():
        values = [figures[size][name] for size in figures]
        axes.loglog(list(figures), values, marker='o', label=label)
    axes.set(xlabel='clips', ylabel='processor time of a clip, microseconds')
    axes.grid(alpha=0.3)
    axes.legend(fontsize='small')
    with atomic_write(picture) as partial:
        figure.savefig(partial, dpi=120)


def main() -> None:
    """Measure the sizes that are not there yet, print all of them, and draw the picture."""
    parser = argparse.ArgumentParser(description='Cost of a clip as the data grow')
    parser.add_argument('--sizes', type=int, nargs='+', default=[1000, 10_000, 100_000])
    parser.add_argument('--figures', type=Path, help='a .json file that keeps the figures')
    parser.add_argument('--picture', type=Path, help='a .png file to draw')
    args = parser.parse_args()
    figures: dict[int, dict[str, float]] = {}
    if args.figures and args.figures.exists():
        kept = json.loads(args.figures.read_text(encoding='utf-8'))
        figures = {int(size): values for size, values in kept.items()}
    with tempfile.TemporaryDirectory() as folder:
        Measurement(Path(folder), 100).run()  # what is done only once, is done here
    for size in args.sizes:
        if size in figures:
            continue
        with tempfile.TemporaryDirectory() as folder:
            figures[size] = Measurement(Path(folder), size).run()
        if args.figures:
            with atomic_write(args.figures) as partial:
                partial.write_text(json.dumps(figures, indent=2) + '\n', encoding='utf-8')
    figures = dict(sorted(figures.items()))
    rows = [
        [label, *(f'{figures[size][name]:.2f}' for size in figures)]
        for name, label in STEPS.items()
    ]
    print(table_text(rows, ['microseconds a clip', *(f'{size:,}' for size in figures)]))
    if args.picture:
        draw(figures, args.picture)


if __name__ == '__main__':
    main()
