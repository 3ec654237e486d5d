"""A training iteration of AimCLR and a plain rendering of the released procedure: the ratio.

The plain one makes views clip by clip with NumPy, runs the graph convolutions partition by
partition with joints innermost in memory, and updates the key network parameter by parameter. All
start with the same weights and take turns, and their times are the processor's, so other programs
do not disturb them; where there is a GPU all run on it, and their times are its own.
"""

import argparse
import copy
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.device import get_device
from torch import Tensor, nn

from halp_mm.benchmarking import measured_training as parts
from halp_mm.benchmarking.measured_training import MeasuredTraining, in_order, scratch_folder
from halp_mm.benchmarking.stopwatch import Stopwatch
from halp_mm.commands.config_options import parse_options
from halp_mm.engine.bfloat16 import has_bfloat16
from halp_mm.models import EnergyAttentionDrop
from halp_mm.models.encoders.graph_encoder import GraphBlock
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.skeletons import get_layout
from halp_mm.tables import table_text

FRAMES, PEOPLE, LAYOUT = 50, 2, get_layout('kinect_v2')
HEADS = f'{parts.HEAD}moco or nnm, d3m'


class PlainNetwork(nn.Module):
    """The encoder and projector as their paper has them.

    Args:
        network: The network whose weights are copied.
    """

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(network.encoder)
        self.layers = copy.deepcopy(network.projector.layers)

    def forward(self, clips: Tensor, drop: bool = False) -> list[Tensor]:
        """Clips ``[N, C, T, V, M]`` to unit vectors ``[N, D]``; a second one of the dropped map."""
        count, channels, frames, joints, people = clips.shape
        x = clips.permute(0, 4, 3, 1, 2).contiguous().view(count * people, -1, frames)
        x = self.encoder.input_norm(x).view(count * people, joints, channels, frames)
        x = x.permute(0, 2, 3, 1).contiguous()
        for block in self.encoder.blocks:
            x = self.run_block(block, x)
        maps = [x, plain_drop(x)] if drop else [x]
        features = [F.avg_pool2d(x, x.shape[2:]).view(count, people, -1).mean(1) for x in maps]
        return [F.normalize(self.layers(feature), dim=1) for feature in features]

    def run_block(self, block: GraphBlock, x: Tensor) -> Tensor:
        """``[B, C, T, V]`` to ``[B, C', T', V]``."""
        residual = 0
        if isinstance(block.residual, nn.Sequential):
            convolution, norm = block.residual
            residual = norm(
                F.conv2d(x, convolution.weight, convolution.bias, stride=(block.stride, 1))
            )
        elif block.residual is not None:
            residual = x
        graph = block.graph_convolution
        edges = self.encoder.adjacency * graph.edge_importance
        sent = graph.partitions(x).unflatten(1, (len(edges), -1))
        y = torch.einsum('bkctv,kvw->bctw', sent, edges).contiguous()
        y = F.relu(block.spatial_norm(y), inplace=True)
        convolution = block.temporal_convolution
        y = F.conv2d(
            y, convolution.weight, convolution.bias, convolution.stride, convolution.padding
        )
        y = block.temporal_norm(y)
        y = F.dropout(y, block.dropout.p, self.training, inplace=True)
        return F.relu(y + residual, inplace=True)


def plain_drop(x: Tensor) -> Tensor:
    """The energy-based drop of maps ``[B, D, T, V]``, with a margin of 0.7."""
    margin, regularizer = 0.7, EnergyAttentionDrop().regularizer
    people, channels, frames, joints = x.shape
    squared = (x - x.mean((2, 3), keepdim=True)).pow(2)
    variance = squared.sum((2, 3), keepdim=True) / (frames * joints - 1)
    attention = torch.sigmoid(squared / (4 * (variance + regularizer)) + 0.5)
    spatial = attention.mean((1, 2))
    temporal = attention.permute(0, 1, 3, 2).contiguous().view(people, -1, frames)
    for mask in (spatial, temporal):
        dropped = mask >= margin
        mask[dropped] = 0.0
        mask[~dropped] = 1.0
    x = x * spatial.view(people, 1, 1, joints) * spatial.numel() / spatial.sum()
    x = x.permute(0, 1, 3, 2).contiguous().view(people, -1, frames)
    x = x * temporal * temporal.numel() / temporal.sum()
    return x.view(people, channels, joints, frames).permute(0, 1, 3, 2)


class PlainViews:
    """The views of clips ``[3, T, V, M]``, one clip after the other."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def __call__(self, clips: Sequence[np.ndarray]) -> list[Tensor]:
        """Extreme query, query and key, ``[N, 3, T, V, M]``."""
        triples = [(self.extreme(clip), self.normal(clip), self.normal(clip)) for clip in clips]
        views = (torch.from_numpy(np.stack(view)) for view in zip(*triples))
        return [view.to(get_device(), torch.float32) for view in views]

    def normal(self, clip: np.ndarray) -> np.ndarray:
        """A crop of the clip that goes on in reverse at both ends, and a shear."""
        frames = clip.shape[1]
        padding = frames // 6
        start = self.random.integers(2 * padding + 1)
        before, after = clip[:, :padding][:, ::-1], clip[:, -padding:][:, ::-1]
        clip = np.concatenate([before, clip, after], 1)[:, start : start + frames]
        matrix = self.random.uniform(-0.5, 0.5, (3, 3))
        np.fill_diagonal(matrix, 1)
        return mapped(clip, matrix)

    def extreme(self, clip: np.ndarray) -> np.ndarray:
        """The normal view, and six more transforms, most of them half of the time."""
        clip = self.normal(clip)
        if self.happens():
            clip = clip[:, :, list(LAYOUT.mirror)]
        clip = self.rotate(clip)
        if self.happens():
            clip = clip[:, ::-1]
        if self.happens():
            clip = clip + self.random.normal(0, 0.01, clip.shape)
        if self.happens():
            clip = self.blur(clip)
        if self.happens():
            clip = clip.copy()
            clip[self.random.integers(3)] = 0
        return clip

    def happens(self) -> bool:
        """Whether a transform of probability one half is applied."""
        return self.random.random() < 0.5

    def rotate(self, clip: np.ndarray) -> np.ndarray:
        """Turns about x, y and z, one after the other, far about one of them."""
        main = self.random.integers(3)
        for axis in range(3):
            angle = math.radians(self.random.uniform(0, 30 if axis == main else 1))
            first, second = (axis + 1) % 3, (axis + 2) % 3
            matrix = np.eye(3)
            matrix[first, first] = matrix[second, second] = math.cos(angle)
            matrix[second, first] = math.sin(angle)
            matrix[first, second] = -math.sin(angle)
            clip = mapped(clip, matrix)
        return clip

    def blur(self, clip: np.ndarray) -> np.ndarray:
        """Sums over 15 frames with the weights of a Gaussian."""
        sigma = self.random.uniform(0.1, 2)
        weights = torch.from_numpy(np.exp(-0.5 * (np.arange(-7, 8) / sigma) ** 2))
        rows = torch.from_numpy(np.ascontiguousarray(clip.transpose(3, 0, 2, 1)))  # [M, 3, V, T]
        blurred = F.conv2d(rows, weights.expand(3, 1, 1, 15), padding=(0, 7), groups=3)
        return blurred.numpy().transpose(1, 3, 2, 0)


def mapped(clip: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply each joint, a row vector, with a matrix."""
    return np.dot(clip.transpose(1, 2, 3, 0), matrix).transpose(3, 0, 1, 2)


class PlainTraining:
    """AimCLR's iteration in its second stage, as its algorithm reads.

    Args:
        network: The network whose weights it starts with.
        queue: Negatives ``[L, D]``.
    """

    def __init__(self, network: EmbeddingNetwork, queue: Tensor) -> None:
        self.query = PlainNetwork(network)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.optimizer = torch.optim.SGD(self.query.parameters(), 0.1, 0.9, weight_decay=1e-4)
        self.queue = queue.T.contiguous()
        self.pointer = 0
        self.views = PlainViews()
        self.stopwatch = Stopwatch(get_device(), 'cpu')

    def loss(self, extreme: Tensor, query: Tensor, key: Tensor) -> Tensor:
        """The loss of three views ``[N, 3, T, V, M]``; keys are queued."""
        part = self.stopwatch.part
        with part(parts.FORWARD):
            (normal,) = self.query(query)
            others = self.query(extreme, drop=True)
        with torch.no_grad(), part(parts.MOMENTUM):
            for value, copied in zip(self.query.parameters(), self.key.parameters()):
                copied.data = copied.data * 0.999 + value.data * 0.001
        with torch.no_grad(), part(parts.KEYS):
            (keys,) = self.key(key)
        with part(HEADS):
            logits, *logits_of_others = (self.logits(rows, keys) for rows in (normal, *others))
            target = logits.detach().clone().softmax(1)
            nearest = torch.zeros_like(logits[:, 1:])
            for rows in (logits, *logits_of_others):
                nearest.scatter_(1, rows[:, 1:].topk(1, 1).indices, 1)
            positive = torch.cat([torch.ones_like(logits[:, :1]), nearest], 1)
            loss = -(F.log_softmax(logits, 1) * positive).sum(1) / positive.sum(1)
            divergences = [
                -(torch.log(rows.softmax(1)) * target).sum(1).mean() for rows in logits_of_others
            ]
            self.queue[:, self.pointer : self.pointer + len(keys)] = keys.T
            self.pointer = (self.pointer + len(keys)) % self.queue.shape[1]
            return loss.mean() + sum(divergences) / 2

    def logits(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Similarities to the key and to the queue over the temperature, ``[N, 1 + L]``."""
        positive = torch.einsum('nc,nc->n', [queries, keys])[:, None]
        negative = torch.einsum('nc,ck->nk', [queries, self.queue.clone()])
        return torch.cat([positive, negative], 1) / 0.07

    def run(self, clips: Sequence[np.ndarray], iterations: int) -> Counter[str]:
        """Iterations on clips ``[3, T, V, M]``; returns the seconds of their parts."""
        for _ in range(iterations):
            with self.stopwatch.part(parts.VIEWS):
                views = self.views(clips)
            loss = self.loss(*views)
            with self.stopwatch.part(parts.BACKWARD):
                self.optimizer.zero_grad()
                loss.backward()
            with self.stopwatch.part(parts.OPTIMIZER):
                self.optimizer.step()
        return self.stopwatch.seconds()


def in_columns(turns: Sequence[Sequence[Counter[str]]], iterations: int) -> str:
    """A table of the milliseconds of the parts, medians over turns, a column for each training."""
    columns = list(zip(*turns))
    names = in_order(name for column in columns for turn in column for name in turn)

    def row(name: str, values: list[list[float]]) -> list[str]:
        medians = [1000 * statistics.median(of_turns) / iterations for of_turns in values]
        return [name, *(f'{median:.1f}' if median else '' for median in medians)]

    rows = [row(name, [[turn[name] for turn in column] for column in columns]) for name in names]
    rows.append(row('iteration', [[turn.total() for turn in column] for column in columns]))
    return table_text(rows, ['ms', 'plain', 'ours', 'bfloat16'][: 1 + len(columns)])


def main() -> None:
    """Measure in turns, and print the parts and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--config', default='configs/aimclr/stgcn_ntu60_xsub_release.py')
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--iterations', type=int, default=1, help='of a turn')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')
    args = parser.parse_args()
    torch.manual_seed(0)
    options = {
        'train_dataloader.batch_size': args.batch_size,
        # Workers would load in processes of their own, whose time is not seen.
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        **parse_options(args.cfg_options),
    }
    precisions = [{}]
    if has_bfloat16():
        precisions.append({'optim_wrapper.type': 'Bfloat16OptimWrapper'})
    with ExitStack() as stack:
        ours = [
            MeasuredTraining(
                args.config,
                stack.enter_context(scratch_folder()),
                {**options, **precision},
                clock='cpu',
            )
            for precision in precisions
        ]
        model = ours[0].model
        plain = PlainTraining(
            model.query_networks['joint'], model.queues['joint']['key'].entries.clone()
        )
        shape = (args.batch_size, 3, FRAMES, LAYOUT.num_joints, PEOPLE)
        clips = list(np.random.default_rng(0).standard_normal(shape, np.float32))
        turns = [
            [plain.run(clips, args.iterations), *(t.run(args.iterations) for t in ours)]
            for _ in range(args.rounds + 1)
        ][1:]
    print(in_columns(turns, args.iterations))
    for number, name in enumerate(['float32', 'bfloat16'][: len(ours)], 1):
        ratio = statistics.median(turn[0].total() / turn[number].total() for turn in turns)
        print(f'plain over ours, {name:<10}{ratio:.2f}')


if __name__ == '__main__':
    main()
