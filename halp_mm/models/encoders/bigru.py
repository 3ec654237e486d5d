"""The bidirectional GRU of P&C, MS2L, ISC, CMD and HaLP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from halp_mm.argument_checks import check_choice, check_count, check_flag
from halp_mm.models.encoders.sequence_encoder import SequenceEncoder
from halp_mm.models.modules.paired_gru import run_pair
from halp_mm.models.modules.segment_pooling import (
    segment_deviations,
    segment_maxima,
    segment_means,
)
from halp_mm.models.modules.stacked_gru import stacked_gru
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, joint_distances, pair_matrix

RunNorm = Callable[[nn.Module, Tensor], Tensor]

#: What ``num_segments`` pieces of time can be pooled by.
POOLINGS_OF_SEGMENTS = {
    'mean': segment_means,
    'max': segment_maxima,
    'deviation': segment_deviations,
}


@MODELS.register_module()
class BiGRU(SequenceEncoder):
    """A stack of layers that concatenate the outputs of forward and backward cells.

    The published results come from an encoder that is fed one frame at a time. Its backward cells
    therefore also run forward in time: a layer is two independent forward GRUs. This is the default
    here, computed with whole-sequence kernels. With ``bidirectional=True``, the backward cells run
    backward. The parameters are the same in both cases.

    Source: HaLP (Shah et al., CVPR 2023), Sec. 4.2, and its release.

    Args:
        layout: Joint layout of the clips.
        num_people: Number of people in a clip.
        num_channels: Number of coordinates of a joint.
        hidden_size: Number of units per direction; a feature has twice as many entries.
        num_layers: Number of layers.
        bidirectional: Whether backward cells run backward in time.
        input_norm: Batch norm of the input. ``'coordinate'`` has one mean and variance for every
            coordinate, as in the releases of CMD and HaLP. ``'axis'`` has one for an axis, the same
            for all joints and people: with its own variance a joint that hardly moves, and then
            tells people apart rather than actions, counts as much as a hand. None for no norm, as
            in P&C, MS2L and ISC.
        motion: Whether a frame also tells how its joints have moved since the frame before. These
            differences have a norm of their own, of the same kind.
        distances: Whether a frame also tells how far each person's joints are from each other,
            which is the same from every side. They have a norm of their own, one for all, unless
            ``input_norm`` is None.
        pooling: ``'last'`` takes the feature of the last frame, ``'mean'`` the mean over frames,
            ``'max'`` the maximum: what happened, however briefly. ``'deviation'`` takes the
            standard deviations over frames: how much each entry changes, which depends little on
            how a person holds what does not move, and on when the movement comes. In speaker
            recognition it stands beside the mean (Snyder et al., ICASSP 2018). ``'valid'`` takes
            the mean over a clip's frames as MS2L's release does: their sum, divided by their number
            plus 0.01. ``'final'`` takes the states in which the last layer's cells end. For
            ``'valid'`` and ``'final'``, frames of zeros at the end of a clip are padding, which no
            cell reads; for ``'valid'`` those that a view's mask hides are not.
        reads_padding: Whether backward cells begin in the padding, as in MS2L's release; for
            ``'valid'``.
        num_segments: S, the pieces of time that are pooled apart, so that a feature tells what
            comes first; for ``'mean'`` and ``'max'``, where a feature then has S times as many
            entries, and for ``'deviation'``, where those of S > 1 pieces follow that of the clip:
            1 + S times.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if an argument is out of range.
    """

    joint_pairs: Tensor

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_people: int = 2,
        num_channels: int = 3,
        hidden_size: int = 1024,
        num_layers: int = 3,
        bidirectional: bool = False,
        input_norm: str | None = 'coordinate',
        motion: bool = False,
        distances: bool = False,
        pooling: str = 'last',
        reads_padding: bool = False,
        num_segments: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(layout, num_people, num_channels, init_cfg)
        check_count(hidden_size=hidden_size, num_layers=num_layers, num_segments=num_segments)
        check_choice(['last', *POOLINGS_OF_SEGMENTS, 'valid', 'final'], pooling=pooling)
        check_flag(reads_padding=reads_padding, motion=motion, distances=distances)
        check_choice(['coordinate', 'axis', None], input_norm=input_norm)
        self.bidirectional = bidirectional
        self.normalizes_axes = input_norm == 'axis'
        self.reads_motion = motion
        self.reads_distances = distances
        self.pooling = pooling
        self.reads_mask = pooling == 'valid'
        if reads_padding and pooling != 'valid':
            raise ValueError(
                f"reads_padding=True needs pooling='valid'; pooling={pooling!r} knows no padding, "
                'or leaves it out'
            )
        self.reads_padding = reads_padding
        if pooling not in POOLINGS_OF_SEGMENTS and num_segments > 1:
            raise ValueError(
                f"num_segments={num_segments} needs pooling='mean', 'max' or 'deviation'; "
                f'pooling={pooling!r} has no segments'
            )
        self.num_segments = num_segments
        self.map_dim = 2 * hidden_size
        has_more = pooling == 'deviation' and num_segments > 1
        self.feature_dim = (num_segments + has_more) * self.map_dim
        num_places = num_people * self.layout.num_joints * self.layout.dimensions  # no scores
        frame_size = self.frame_size
        self.input_norm = self.make_norm(input_norm, num_channels, self.frame_size)
        if motion:
            self.motion_norm = self.make_norm(input_norm, self.layout.dimensions, num_places)
            frame_size += num_places
        if distances:
            pairs = pair_matrix(self.layout.num_joints)
            self.register_buffer('joint_pairs', pairs, persistent=False)
            self.distance_norm = self.make_norm(input_norm, 1, 1)
            frame_size += num_people * pairs.shape[1]
        sizes = [frame_size] + [self.map_dim] * (num_layers - 1)
        self.forward_cells = nn.ModuleList(
            nn.GRU(size, hidden_size, batch_first=True) for size in sizes
        )
        self.backward_cells = nn.ModuleList(
            nn.GRU(size, hidden_size, batch_first=True) for size in sizes
        )
        #: The cells as one GRU, made when a GPU first runs them; in a tuple, as it is no part.
        self._stack: tuple[nn.GRU, ...] = ()

    def __getstate__(self) -> dict:
        """What a copy takes over; it makes a stack of its own weights."""
        return {**self.__dict__, '_stack': ()}

    def forward_map(self, clips: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, 1, D, T, 1]``.

        Args:
            clips: The clips, zero where a mask hides.
            mask: Boolean ``[N, M, T, V]``: what is hidden and therefore no padding; None for
                nothing.

        Raises:
            ValueError: if the clips differ from the encoder in people, joints or coordinates.
        """
        self.check_clips(clips)
        length = None
        if self.pooling in ('valid', 'final'):
            length = count_frames(clips.transpose(1, 2).flatten(2))
            if mask is not None:
                length = torch.maximum(length, count_frames(mask.transpose(1, 2).flatten(2)))
        reversed_length = None if self.reads_padding else length
        if self.training and clips.device.type == 'cpu':
            sequence = self.run_pairs(clips, reversed_length)
        elif self.bidirectional and reversed_length is None and clips.is_cuda:
            sequence = self.run_stack(self.frame_vectors(clips))
        else:
            sequence = self.run_cells(self.frame_vectors(clips), reversed_length)
        if length is not None:
            frames = torch.arange(sequence.shape[1], device=sequence.device)
            sequence = sequence * (frames < length[:, None])[..., None]
        return sequence.mT[:, None, :, :, None]

    @staticmethod
    def make_norm(kind: str | None, num_axes: int, num_coordinates: int) -> nn.Module:
        """The norm of what a frame tells: see ``input_norm``."""
        if kind is None:
            return nn.Identity()
        return nn.BatchNorm1d(num_axes if kind == 'axis' else num_coordinates)

    def frame_vectors(self, clips: Tensor, run_norm: RunNorm = nn.Module.__call__) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to what the cells read, one vector a frame.

        Args:
            clips: The clips.
            run_norm: What runs a norm on its input.
        """
        by_axis = clips.movedim(-1, 1)
        places = by_axis[:, : self.layout.dimensions]  # no scores
        vectors = [self.normalized(by_axis, partial(run_norm, self.input_norm))]
        if self.reads_motion:
            motion = F.pad(places.diff(dim=3), (0, 0, 1, 0))
            vectors.append(self.normalized(motion, partial(run_norm, self.motion_norm)))
        if self.reads_distances:
            distances = joint_distances(places, self.joint_pairs)  # [N, M, T, P]
            normalized = run_norm(self.distance_norm, distances.flatten(1)[:, None])
            vectors.append(normalized.view(distances.shape).transpose(1, 2).flatten(2))
        return torch.cat(vectors, -1) if len(vectors) > 1 else vectors[0]

    def of_norms(self, name: str) -> Tensor:
        """The norms' ``'weight'`` or ``'bias'`` for the entries of a frame's vector, ``[D]``."""
        parts = [getattr(self.input_norm, name)]
        if self.reads_motion:
            parts.append(getattr(self.motion_norm, name))
        if self.normalizes_axes:
            people, joints = self.num_people, self.layout.num_joints
            parts = [part.repeat_interleave(people).repeat(joints) for part in parts]
        if self.reads_distances:
            count = self.num_people * self.joint_pairs.shape[1]
            parts.append(getattr(self.distance_norm, name).expand(count))
        return torch.cat(parts)

    def normalized(self, by_axis: Tensor, norm: Callable[[Tensor], Tensor]) -> Tensor:
        """Normalise ``[N, C, M, T, V]`` and make each frame a vector: to ``[N, T, V C M]``."""
        if self.normalizes_axes:
            by_axis = norm(by_axis.flatten(2)).view(by_axis.shape)
        # A frame is one vector, ordered by joint, then coordinate, then person, as in the release.
        sequence = by_axis.permute(0, 3, 4, 1, 2).flatten(2)
        if not self.normalizes_axes:
            sequence = norm(sequence.flatten(0, 1)).view(sequence.shape)
        return sequence

    def run_cells(self, sequence: Tensor, reversed_length: Tensor | None) -> Tensor:
        """Run the layers on ``[N, T, D]``, one cell after the other, with PyTorch's kernels."""
        for forward_cell, backward_cell in zip(self.forward_cells, self.backward_cells):
            if self.bidirectional:
                backward = backward_cell(reverse(sequence, reversed_length))[0]
                backward = reverse(backward, reversed_length)
            else:
                backward = backward_cell(sequence)[0]
            sequence = torch.cat([forward_cell(sequence)[0], backward], -1)
        return sequence

    def run_pairs(self, clips: Tensor, reversed_length: Tensor | None) -> Tensor:
        """Run the layers on clips, both cells at once, as is fastest on a CPU: ``[N, T, D]``.

        The weights and biases of the input's norms become part of the first cells' weights, so
        that what these read needs no gradient.
        """
        scaled_by = None
        if isinstance(self.input_norm, nn.Identity):
            sequence = self.frame_vectors(clips)
        else:
            sequence = self.frame_vectors(clips, run_unscaled)
            scaled_by = self.of_norms('weight'), self.of_norms('bias')
        sequence = sequence.transpose(0, 1).contiguous()  # time is the outermost axis
        layers = zip(self.forward_cells, self.backward_cells)
        for forward_cell, backward_cell in cast(Iterator[tuple[nn.GRU, nn.GRU]], layers):
            backward = None
            if self.bidirectional:
                backward = reverse(sequence.transpose(0, 1), reversed_length).transpose(0, 1)
            states = run_pair(forward_cell, backward_cell, sequence, backward, scaled_by)
            if self.bidirectional:
                forward, backward = states.unbind(2)
                backward = reverse(backward.transpose(0, 1), reversed_length).transpose(0, 1)
                sequence = torch.cat([forward, backward], -1)
            else:
                sequence = states.flatten(2)
            scaled_by = None  # only the first cells read the norms' output
        return sequence.transpose(0, 1)

    def run_stack(self, sequence: Tensor) -> Tensor:
        """Run the layers on ``[N, T, D]``, backward cells from the end, as is fastest on a GPU."""
        if not self._stack:
            self._stack = (stacked_gru(self.forward_cells, self.backward_cells),)
        (stack,) = self._stack
        return stack.train(self.forward_cells[0].training)(sequence)[0]

    def readout(self, feature_map: Tensor) -> Tensor:
        """Pool over frames: ``[N, 1, D, T, 1]`` to ``[N, S D]``, or ``[N, (1 + S) D]``.

        Of fewer frames than segments, neighbouring segments share some.
        """
        sequence = feature_map.squeeze(-1).squeeze(1)
        if self.pooling == 'last':
            return sequence.permute(2, 0, 1)[-1]  # as frames lie in memory, for the gradient
        if self.pooling == 'final':
            return self.final_states(sequence)
        if self.pooling == 'valid':
            return sequence.sum(-1) / (sequence.any(1).sum(-1, keepdim=True) + 0.01)
        return POOLINGS_OF_SEGMENTS[self.pooling](sequence, self.num_segments)

    def final_states(self, sequence: Tensor) -> Tensor:
        """Take the states in which cells end: ``[N, D, T]``, zero in padding, to ``[N, D]``."""
        frames = torch.arange(1, sequence.shape[2] + 1, device=sequence.device)
        is_last = frames == count_frames(sequence.mT)[:, None]
        states = (sequence * is_last[:, None]).sum(-1)
        if not self.bidirectional:
            return states
        forward, backward = states.chunk(2, 1)[0], sequence[..., 0].chunk(2, 1)[1]
        return torch.cat([forward, backward], 1)


def run_unscaled(norm: nn.Module, inputs: Tensor) -> Tensor:
    """Run a batch norm as if its weight were 1 and its bias 0."""
    neutral = {
        name: torch.full_like(parameter, float(name == 'weight'), requires_grad=False)
        for name, parameter in norm.named_parameters()
    }
    return functional_call(norm, neutral, (inputs,))


def count_frames(sequence: Tensor) -> Tensor:
    """Count the frames of clips ``[N, T, D]`` without the zeros at the end: integers ``[N]``."""
    frames = torch.arange(1, sequence.shape[1] + 1, device=sequence.device)
    return (sequence.any(-1) * frames).amax(1)


def reverse(sequence: Tensor, length: Tensor | None) -> Tensor:
    """Reverse the frames of clips ``[N, T, D]``.

    Args:
        sequence: The clips.
        length: How many frames of each clip are reversed, ``[N]``, the others staying where they
            are; None for all.
    """
    if length is None:
        return sequence.flip(1)
    num_clips, num_frames = sequence.shape[:2]
    frames = torch.arange(num_frames, device=sequence.device)
    last = length[:, None] - 1
    first_rows = torch.arange(num_clips, device=sequence.device)[:, None] * num_frames
    rows = first_rows + torch.where(frames <= last, last - frames, frames)
    return sequence.flatten(0, 1).index_select(0, rows.flatten()).view(sequence.shape)
