"""The recursive network over the tree of a skeleton's bones, upwards and then downwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
from halp_mm.skeletons import SkeletonLayout


class BidirectionalRecursiveNetwork(nn.Module):
    """Two GRU cells for each joint: one from its children, and one from its parent.

    The first pass starts at the ends of the limbs. A joint's input is its own vector and the states
    of its children, and its state before is zero. The second pass starts at the centre. A joint's
    input is its own vector and the new state of its parent, and its state before is that of the
    first pass. All joints that are as far from the centre are computed together.

    The cells are TensorFlow's: the reset gate comes before the matrix product, other than in
    PyTorch. Rows of the parameters are of the joints in :attr:`order`.

    Source: SeBiReNet (Nie et al., ECCV 2020), Sec. 3.2, and its release.

    Args:
        layout: Joint layout of the poses; its bones are the tree.
        in_dim: Length of a joint's vector.
        hidden_dim: Length H of a joint's state.
    """

    order: Tensor
    places: Tensor

    def __init__(self, layout: SkeletonLayout, in_dim: int, hidden_dim: int) -> None:
        super().__init__()
        check_count(in_dim=in_dim, hidden_dim=hidden_dim)
        distances, num_joints = layout.distances_to_center, layout.num_joints
        order = sorted(range(num_joints), key=lambda joint: distances[joint])
        self.level_sizes = [distances.count(level) for level in range(max(distances) + 1)]
        self.hidden_dim = hidden_dim
        self.register_buffer('order', torch.tensor(order), persistent=False)
        self.register_buffer('places', self.order.argsort(), persistent=False)
        for level, (parents, children) in enumerate(self._neighbouring_levels(order)):
            is_child = torch.tensor(
                [[layout.parents[child] == parent for child in children] for parent in parents],
                dtype=torch.get_default_dtype(),
            )
            self.register_buffer(f'children_of_level_{level}', is_child, persistent=False)
        # The up pass has no reset gate: it would reset a state that is zero.
        self.up_input = nn.Parameter(torch.empty(num_joints, in_dim, 2 * hidden_dim))
        self.up_bias = nn.Parameter(torch.empty(num_joints, 1, 2 * hidden_dim))
        self.up_child = nn.Parameter(torch.empty(num_joints - 1, hidden_dim, 2 * hidden_dim))
        self.down_input = nn.Parameter(torch.empty(num_joints, in_dim, 3 * hidden_dim))
        self.down_bias = nn.Parameter(torch.empty(num_joints, 1, 3 * hidden_dim))
        self.down_parent = nn.Parameter(torch.empty(num_joints - 1, hidden_dim, 3 * hidden_dim))
        self.down_gates = nn.Parameter(torch.empty(num_joints, hidden_dim, 2 * hidden_dim))
        self.down_candidate = nn.Parameter(torch.empty(num_joints, hidden_dim, hidden_dim))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw weights as PyTorch does for a GRU; biases of gates are one, as in the release."""
        bound = 1 / math.sqrt(self.hidden_dim)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)
        for bias in (self.up_bias, self.down_bias):
            bias.zero_()
            bias[..., : -self.hidden_dim] = 1

    def forward(self, vectors: Tensor) -> Tensor:
        """Map joints' vectors ``[B, V, in_dim]`` of poses to their states ``[B, V, H]``."""
        vectors = vectors.index_select(1, self.order).transpose(0, 1)  # [V, B, in_dim]
        states = self._up(vectors)
        return torch.cat(self._down(vectors, states)).index_select(0, self.places).transpose(0, 1)

    def _up(self, vectors: Tensor) -> list[Tensor]:
        """The first pass: states by level, ``[joints of the level, B, H]``."""
        of_inputs = torch.baddbmm(self.up_bias, vectors, self.up_input).split(self.level_sizes)
        child_weights = self.up_child.split(self.level_sizes[1:])
        states: list[Tensor] = []
        for level in reversed(range(len(self.level_sizes))):
            gates = of_inputs[level]
            if states:
                is_child = cast('Tensor', getattr(self, f'children_of_level_{level}'))
                of_children = states[0] @ child_weights[level]
                gates = gates + torch.tensordot(is_child.to(of_children.dtype), of_children, 1)
            update, candidate = gates.chunk(2, -1)
            states.insert(0, (1 - update.sigmoid()) * candidate.tanh())
        return states

    def _down(self, vectors: Tensor, states: list[Tensor]) -> list[Tensor]:
        """The second pass: states by level, ``[joints of the level, B, H]``."""
        of_inputs = torch.baddbmm(self.down_bias, vectors, self.down_input).split(self.level_sizes)
        parent_weights = self.down_parent.split(self.level_sizes[1:])
        gate_weights = self.down_gates.split(self.level_sizes)
        candidate_weights = self.down_candidate.split(self.level_sizes)
        outputs: list[Tensor] = []
        for level, state in enumerate(states):
            inputs = of_inputs[level]
            if outputs:
                is_child = cast('Tensor', getattr(self, f'children_of_level_{level - 1}'))
                parents = torch.tensordot(is_child.mT.to(state.dtype), outputs[-1], 1)
                inputs = inputs + parents @ parent_weights[level - 1]
            gates = inputs[..., : 2 * self.hidden_dim] + state @ gate_weights[level]
            reset, update = gates.sigmoid().chunk(2, -1)
            of_state = (reset * state) @ candidate_weights[level]
            candidate = (inputs[..., 2 * self.hidden_dim :] + of_state).tanh()
            outputs.append(update * state + (1 - update) * candidate)
        return outputs

    def _neighbouring_levels(self, order: list[int]) -> Iterator[tuple[list[int], list[int]]]:
        """The joints of each level but the last, with those of the next."""
        start = 0
        for size, next_size in zip(self.level_sizes, self.level_sizes[1:]):
            end = start + size
            yield order[start:end], order[end : end + next_size]
            start = end
