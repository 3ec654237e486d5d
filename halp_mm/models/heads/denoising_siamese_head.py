"""Denoising of poses in two views whose view matrices are swapped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import cast

import torch
from mmengine.dist import get_world_size
from mmengine.model import ModuleDict
from torch import Tensor, nn

from halp_mm.argument_checks import check_at_least, check_choice
from halp_mm.models.encoders import SeBiReNet
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import (
    BidirectionalRecursiveNetwork,
    EmbeddingNetwork,
    mean_over_ranks,
)
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, bone_index
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms.spatial import map_coordinates


class ViewMatrix(nn.Linear):
    """A linear layer from the states of all joints of a pose to a square matrix.

    Args:
        encoder: The encoder that computes the states.
    """

    def __init__(self, encoder: SeBiReNet) -> None:
        super().__init__(encoder.layout.num_joints * encoder.map_dim, encoder.code_dim**2)
        self.size = encoder.code_dim

    def forward(self, states: Tensor) -> Tensor:
        """Map states ``[B, V, D]`` to matrices ``[B, code, code]``."""
        return super().forward(states.flatten(1)).unflatten(1, (self.size, self.size))


class PoseDecoder(nn.Sequential):
    """A perceptron for each joint, and a recursive network over the bones, to coordinates.

    Args:
        encoder: The encoder that computes the states.
    """

    def __init__(self, encoder: SeBiReNet) -> None:
        code_dim, channels = encoder.code_dim, encoder.num_channels
        super().__init__(
            nn.Linear(code_dim, code_dim),
            nn.Tanh(),
            nn.Linear(code_dim, encoder.map_dim),
            nn.Tanh(),
            BidirectionalRecursiveNetwork(encoder.layout, encoder.map_dim, channels),
            nn.Linear(channels, channels),
        )


@MODELS.register_module()
class DenoisingSiameseHead(StreamHead):
    """Restore noisy poses and their rotated copies from pose codes and view matrices.

    The code of a pose is the product of its joints' pose codes P, which should not depend on the
    view, and a matrix W, which should hold the view and nothing else. With l2(a) half the sum of
    squares, the loss of a pose is::

        l2(restored - clean) + bone_weight l2(restored bones' lengths - clean bones' lengths)

    for the pose and its copy, and for both together::

        cross_weight [l2(pose of P and the copy's W - clean copy)
                      + l2(pose of the copy's P and W - clean)]
        + consistency_weight l2(P - the copy's P)
        + orthogonality_weight [l2(W W^T - I) + the copy's]

    Three views are read: clean poses, ``view`` derived from them by noise, and ``rotated_view``
    derived from that by a :class:`~halp_mm.transforms.RecordedRotate`. The clean copy is made with
    the rotation that it has drawn. Poses that show nobody do not count.

    Source: SeBiReNet (Nie et al., ECCV 2020), Sec. 3.3, and its release.

    Args:
        view: Name of the view with noise.
        rotated_view: Name of its rotated copy.
        target_view: Name of the view without noise.
        bone_weight: Weight of the bones' lengths.
        cross_weight: Weight of the poses with swapped view matrices.
        consistency_weight: Weight of the difference of the pose codes.
        orthogonality_weight: Weight of the view matrices' orthogonality.
        reduction: ``'mean'`` over the poses, or their ``'sum'`` as in the release, whose learning
            rate then depends on the number of poses in a batch.
    """

    def __init__(
        self,
        view: str = 'noisy',
        rotated_view: str = 'rotated',
        target_view: str = 'clean',
        bone_weight: float = 1.0,
        cross_weight: float = 0.01,
        consistency_weight: float = 1.0,
        orthogonality_weight: float = 5.0,
        reduction: str = 'mean',
    ) -> None:
        super().__init__()
        self.weights = dict(
            position=1.0,
            bone=bone_weight,
            cross=cross_weight,
            consistency=consistency_weight,
            orthogonality=orthogonality_weight,
        )
        check_at_least(0, **{f'{name}_weight': weight for name, weight in self.weights.items()})
        check_choice(['mean', 'sum'], reduction=reduction)
        self.view = view
        self.rotated_view = rotated_view
        self.target_view = target_view
        self.reduction = reduction
        self.reads = Reads(clips=frozenset([target_view]), maps=frozenset([view, rotated_view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the view matrix's layer and the decoder of each stream.

        Raises:
            ValueError: if an encoder is no SeBiReNet, whose pose codes are needed.
        """
        self.view_matrices = ModuleDict()
        self.decoders = ModuleDict()
        for stream, network in networks.items():
            if not isinstance(network.encoder, SeBiReNet):
                raise ValueError(
                    'DenoisingSiameseHead needs the pose codes of SeBiReNet; the encoder of stream '
                    f'{stream!r} is {type(network.encoder).__name__}'
                )
            self.view_matrices[stream] = ViewMatrix(network.encoder)
            self.decoders[stream] = PoseDecoder(network.encoder)
        # A plain dict: the encoders are the networks', not this head's.
        self.encoders = {stream: network.encoder for stream, network in networks.items()}

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, and the terms that it is made of, without their weights.

        Raises:
            ValueError: if the rotated view's transforms record no rotation.
        """
        draws = outputs.draws.get(self.rotated_view, {})
        if 'rotation' not in draws:
            raise ValueError(
                f'view {self.rotated_view!r} has no known rotation; end its transforms with '
                'RecordedRotate'
            )
        clean = outputs.clips[self.target_view]
        rotated = map_coordinates(clean, draws['rotation'])
        is_seen = clean.flatten(3).any(-1).flatten()
        encoder = cast('SeBiReNet', self.encoders[outputs.stream])
        codes, matrices = {}, {}
        for name, view in (('clean', self.view), ('rotated', self.rotated_view)):
            feature_map = outputs.maps[view].to(clean.dtype)
            codes[name] = encoder.pose_codes(feature_map).flatten(0, 2)
            states = feature_map.permute(0, 1, 3, 4, 2).flatten(0, 2)
            matrices[name] = outputs.run(self.view_matrices[outputs.stream], states)
        targets = {'clean': clean.flatten(0, 2), 'rotated': rotated.flatten(0, 2)}
        decode = partial(outputs.run, self.decoders[outputs.stream])
        errors = pose_errors(encoder.layout, decode, codes, matrices, targets)
        num_poses = is_seen.sum().to(clean.dtype)
        if self.reduction == 'mean':  # of all ranks' batches, once DDP has averaged the gradients
            num_poses = mean_over_ranks(num_poses).clamp(min=1 / get_world_size())
        else:
            num_poses = torch.ones_like(num_poses)
        terms = {name: (error * is_seen).sum() / num_poses for name, error in errors.items()}
        loss = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        return {'loss': loss, **{name: term.detach() for name, term in terms.items()}}


def pose_errors(
    layout: SkeletonLayout,
    decode: Callable[[Tensor], Tensor],
    codes: Mapping[str, Tensor],
    matrices: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """The terms of each pose's loss, both copies together, see :class:`DenoisingSiameseHead`.

    Args:
        layout: The layout of the poses.
        decode: The decoder, from codes ``[B, V, code]`` to poses ``[B, V, C]``.
        codes: Pose codes ``[B, V, code]``, ``clean`` and ``rotated``.
        matrices: View matrices ``[B, code, code]`` of both.
        targets: Poses ``[B, V, C]`` of both, without noise.

    Returns:
        ``position``, ``bone``, ``cross``, ``consistency`` and ``orthogonality``, ``[B]``.
    """
    names = ('clean', 'rotated')
    pairs = [(code, view) for code in names for view in names]
    every_code = torch.cat([codes[code] @ matrices[view] for code, view in pairs])
    restored = dict(zip(pairs, decode(every_code).chunk(len(pairs))))
    # Coordinates only: a score has no length, and no view.
    size = layout.dimensions
    length = {name: bone_lengths(targets[name][..., :size], layout) for name in names}
    identity = torch.eye(matrices['clean'].shape[-1], device=every_code.device)
    return {
        'position': total(half_squares(restored[name, name] - targets[name]) for name in names),
        'bone': total(
            half_squares(bone_lengths(restored[name, name][..., :size], layout) - length[name])
            for name in names
        ),
        'cross': total(
            half_squares(restored[code, view] - targets[view])
            for code, view in pairs
            if code != view
        ),
        'consistency': half_squares(codes['clean'] - codes['rotated']),
        'orthogonality': total(
            half_squares(matrices[name] @ matrices[name].mT - identity) for name in names
        ),
    }


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of tensors ``[B]``."""
    return torch.stack([*terms]).sum(0)


def half_squares(values: Tensor) -> Tensor:
    """Half the sum of the squares of each of ``[B, ...]``: ``[B]``."""
    return values.flatten(1).square().sum(1) / 2


def bone_lengths(poses: Tensor, layout: SkeletonLayout) -> Tensor:
    """The lengths ``[B, bones]`` of the bones of poses ``[B, V, C]``."""
    first, second = bone_index(layout, poses.device).unbind(1)
    return (poses[:, first] - poses[:, second]).norm(dim=-1)
