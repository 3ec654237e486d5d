"""A training iteration of HaLP and a plain rendering of the released procedure: the ratio.

The plain one makes views clip by clip with NumPy, feeds the GRU one frame at a time, updates the
key networks parameter by parameter, and computes every hallucinated positive. Both take turns, and
their times are the processor's, so other programs do not disturb them.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.apis import load_config
from halp_mm.models import Pretrainer
from halp_mm.registry import MODELS
from halp_mm.skeletons import get_layout
from halp_mm.training_progress import TrainingProgress

FRAMES, PEOPLE, JOINTS = 64, 2, 25
POSITIVES, PROTOTYPES, NEWEST, INTERVAL = 100, 20, 256, 5


class Network(nn.Module):
    """The released encoder, fed frame by frame, and projector.

    Args:
        hidden_size: Units per direction.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        size = PEOPLE * JOINTS * 3
        self.norm = nn.BatchNorm1d(size)
        self.gru = nn.GRU(size, hidden_size, 3, batch_first=True, bidirectional=True)
        self.projector = nn.Sequential(
            nn.Linear(2 * hidden_size, 2 * hidden_size),
            nn.ReLU(inplace=True),
            nn.Linear(2 * hidden_size, 128),
        )

    def forward(self, sequence: Tensor) -> Tensor:
        """Frames ``[N, T, D]`` to unit vectors ``[N, 128]``."""
        sequence = self.norm(sequence.transpose(1, 2)).transpose(1, 2)
        hidden = None
        for frame in sequence.split(1, dim=1):
            output, hidden = self.gru(frame.contiguous(), hidden)
        return F.normalize(self.projector(output[:, 0]), dim=1)


class PlainTraining:
    """HaLP's iteration step by step, as its algorithm reads.

    Args:
        clips: Arrays ``[3, T, V, M]``.
        hidden_size: Units per direction.
        queue_size: L.
    """

    def __init__(self, clips: list[np.ndarray], hidden_size: int, queue_size: int) -> None:
        self.clips = clips
        self.query = Network(hidden_size)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.optimizer = torch.optim.SGD(self.query.parameters(), 0.01, 0.9, weight_decay=1e-4)
        self.queue = F.normalize(torch.randn(128, queue_size), dim=0)
        self.random = np.random.default_rng(0)
        self.iteration = 0

    def view(self, clip: np.ndarray) -> np.ndarray:
        """Crop, resize, then shear or corrupt joints: ``[64, 150]``."""
        total = clip.shape[1]
        length = min(max(int(self.random.uniform(0.1, 1) * total), FRAMES), total)
        start = self.random.integers(total - length + 1)
        piece = torch.from_numpy(clip[:, start : start + length].copy())
        rows = piece.permute(0, 2, 3, 1).reshape(1, -1, length, 1)
        rows = F.interpolate(rows, (FRAMES, 1), mode='bilinear', align_corners=False)
        resized = rows.view(3, JOINTS, PEOPLE, FRAMES).permute(0, 3, 1, 2).numpy().copy()
        if self.random.random() < 0.5:
            matrix = self.random.uniform(-1, 1, (3, 3)).astype(np.float32)
            np.fill_diagonal(matrix, 1)
            resized = np.dot(resized.transpose(1, 2, 3, 0), matrix).transpose(3, 0, 1, 2)
        else:
            joints = self.random.choice(JOINTS, 15, replace=False)
            if self.random.random() < 0.5:
                resized[:, :, joints] = 0
            else:
                matrix = self.random.uniform(-1, 1, (3, 3)).astype(np.float32)
                moved = np.dot(resized[:, :, joints].transpose(1, 2, 3, 0), matrix)
                resized[:, :, joints] = moved.transpose(3, 0, 1, 2)
        return resized.transpose(1, 2, 0, 3).reshape(FRAMES, -1).astype(np.float32)

    def views(self) -> list[Tensor]:
        """Two views of every clip, collated."""
        pairs = [[self.view(clip) for clip in self.clips] for _ in range(2)]
        return [torch.from_numpy(np.stack(view)) for view in pairs]

    def prototypes(self) -> Tensor:
        """k-means on the sphere: ``[N, D]``."""
        points = self.queue[:, :NEWEST].T
        centers = points[torch.randperm(NEWEST)[:PROTOTYPES]].clone()
        for _ in range(20):
            nearest = (points @ centers.T).argmax(1)
            before = centers.clone()
            for i in range(PROTOTYPES):
                members = points[nearest == i]
                if len(members):
                    cosine = (members @ centers[i]).clamp(-1 + 1e-6, 1 - 1e-6)[:, None]
                    tangent = torch.acos(cosine) / (1 - cosine**2).sqrt()
                    step = (tangent * (members - cosine * centers[i])).mean(0)
                    length = step.norm().clamp(min=1e-9)
                    centers[i] = torch.cos(length) * centers[i] + torch.sin(length) * step / length
            if (centers - before).norm(dim=1).max() < 1e-3:
                break
        return centers

    def hallucinated_loss(self, query: Tensor, key: Tensor, prototypes: Tensor) -> Tensor:
        """Eq. (8), with all positives ``[B, G, D]``."""
        similarity = key @ prototypes.T
        closest = similarity.argmax(1)
        chosen = torch.randint(PROTOTYPES, (len(key), POSITIVES))
        selected, nearest = prototypes[chosen], prototypes[closest][:, None]
        anchor = key[:, None]
        cosine = (anchor * selected).sum(-1).clamp(-1 + 1e-6, 1 - 1e-6)
        omega = torch.acos(cosine)
        towards = (anchor * (nearest - selected)).sum(-1)
        kappa = (1 - (selected * nearest).sum(-1)) / towards.clamp(min=1e-9)
        t_star = torch.atan2(omega.sin(), kappa + cosine) / omega
        t = (0.8 * torch.rand_like(t_star) * t_star.clamp(0, 1))[..., None]
        omega = omega[..., None]
        positives = torch.sin((1 - t) * omega) * anchor + torch.sin(t * omega) * selected
        positives = positives / omega.sin()
        kept = (positives @ prototypes.T).argmax(-1) == closest[:, None]
        product = -(query[:, None] * positives).sum(-1) / 0.07
        return ((product * kept).sum(1) / kept.sum(1).clamp(min=1)).mean()

    def step(self) -> None:
        """One iteration: views, losses, gradients, updates."""
        view, other = self.views()
        query = self.query(view)
        with torch.no_grad():
            for value, copied in zip(self.query.parameters(), self.key.parameters()):
                copied.data = copied.data * 0.999 + value.data * 0.001
            key = self.key(other)
            if self.iteration % INTERVAL == 0:
                self.found = self.prototypes()
        positive = torch.einsum('nc,nc->n', [query, key])[:, None]
        negative = torch.einsum('nc,ck->nk', [query, self.queue.clone()])
        logits = torch.cat([positive, negative], 1) / 0.07
        loss = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
        loss = loss + self.hallucinated_loss(query, key, self.found)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.queue = torch.cat([key.T, self.queue[:, : -len(key)]], 1)
        self.iteration += 1


class OurTraining:
    """The config's iteration, on the same clips.

    Args:
        path: A config of HaLP, or of its baseline.
        clips: ``[N, M, T, V, 3]``.
        hidden_size: Units per direction.
        queue_size: L.
    """

    def __init__(self, path: str, clips: Tensor, hidden_size: int, queue_size: int) -> None:
        options = {'model.encoder.hidden_size': hidden_size, 'model.queue_size': queue_size}
        config = load_config(path, options)
        self.model: Pretrainer = MODELS.build(
            {**config.model, 'data_preprocessor': config.data_preprocessor}
        )
        self.model.train()
        self.epoch = max(term.start_epoch for term in self.model.terms.values())
        self.optimizer = torch.optim.SGD(
            self.model.query_networks.parameters(), 0.01, 0.9, weight_decay=1e-4
        )
        self.batch = {
            'clips': clips,
            'num_frames': torch.full((len(clips),), clips.shape[2]),
            'labels': torch.zeros(len(clips), dtype=torch.long),
            'layout': get_layout('kinect_v2'),
            'normalized': True,
        }
        self.iteration = 0
        for queues in self.model.queues.values():
            for queue in queues.values():
                queue.num_enqueued.fill_(queue.size)

    def views(self) -> dict:
        """Two views of every clip."""
        progress = TrainingProgress(self.epoch, 1000 * self.epoch + self.iteration, 1000)
        return self.model.data_preprocessor({**self.batch, 'progress': progress}, True)

    def step(self, mixed: bool = False) -> None:
        """One iteration: views, losses, gradients, updates; in bfloat16 as with ``--amp``."""
        views = self.views()
        with torch.autocast('cpu', torch.bfloat16, enabled=mixed):
            losses = self.model(**views, mode='loss')
        self.optimizer.zero_grad()
        self.model.parse_losses(losses)[0].backward()
        self.optimizer.step()
        self.iteration += 1


def milliseconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Processor time of a piece of work."""
    start = time.process_time()
    for _ in range(repeats):
        work()
    return 1000 * (time.process_time() - start) / repeats


def main() -> None:
    """Measure in turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--config', default='configs/halp/bigru_ntu60_xsub.py')
    parser.add_argument('--baseline', default='configs/moco/bigru_ntu60_xsub.py')
    parser.add_argument('--hidden-size', type=int, default=64)
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--frames', type=int, default=100, help='of a clip before it is cropped')
    parser.add_argument('--queue-size', type=int, default=16384)
    parser.add_argument('--rounds', type=int, default=5, help='turns of 5 iterations each')
    args = parser.parse_args()
    torch.manual_seed(0)
    clips = torch.randn(args.batch_size, PEOPLE, args.frames, JOINTS, 3)
    arrays = [np.ascontiguousarray(clip.permute(3, 1, 2, 0).numpy()) for clip in clips]
    plain = PlainTraining(arrays, args.hidden_size, args.queue_size)
    ours, baseline = (
        OurTraining(path, clips, args.hidden_size, args.queue_size)
        for path in (args.config, args.baseline)
    )
    works = {
        'plain iteration': (plain.step, INTERVAL),
        'our iteration': (ours.step, INTERVAL),
        "the baseline's": (baseline.step, INTERVAL),
        'ours, bfloat16': (partial(ours.step, mixed=True), INTERVAL),
        'plain views': (plain.views, 1),
        'our views': (ours.views, 1),
    }
    turns = [
        [milliseconds(work, repeats) for work, repeats in works.values()]
        for _ in range(args.rounds + 1)
    ][1:]
    for name, times in zip(works, zip(*turns)):
        print(f'{name:<16}{statistics.median(times):8.1f} ms')
    for what, first, second in (
        ('plain iteration over ours', 0, 1),
        ('HaLP over its baseline', 1, 2),
        ('plain over ours, bfloat16', 0, 3),
        ('plain views over ours', 4, 5),
    ):
        ratio = statistics.median(turn[first] / turn[second] for turn in turns)
        print(f'{what:<26}{ratio:.3f}')


if __name__ == '__main__':
    main()
