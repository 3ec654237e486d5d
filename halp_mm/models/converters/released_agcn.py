"""Conversion of the released weights of 2s-AGCN, and of ISC's AGCN, to the names used here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from halp_mm.models.converters.renaming import rename_entries
from halp_mm.skeletons import SkeletonLayout, parent_child_adjacency


def _in_block(name: str) -> Callable[[re.Match], str]:
    """What replaces a name within a block, which the release counts from 1."""
    return lambda found: f'encoder.blocks.{int(found[1]) - 1}.{name}'


#: Patterns of the beginnings of the release's names, and the names used here.
RELEASED_NAMES: Mapping[str, str | Callable[[re.Match], str]] = {
    r'data_bn\.': 'encoder.input_norm.',
    r'l(\d+)\.gcn1\.PA$': _in_block('graph_convolution.learnt_edges'),
    r'l(\d+)\.gcn1\.conv_a\.': _in_block('graph_convolution.senders.'),
    r'l(\d+)\.gcn1\.conv_b\.': _in_block('graph_convolution.receivers.'),
    r'l(\d+)\.gcn1\.conv_d\.': _in_block('graph_convolution.partitions.'),
    r'l(\d+)\.gcn1\.bn\.': _in_block('spatial_norm.'),
    r'l(\d+)\.gcn1\.down\.': _in_block('graph_shortcut.'),
    r'l(\d+)\.tcn1\.conv\.': _in_block('temporal_convolution.'),
    r'l(\d+)\.tcn1\.bn\.': _in_block('temporal_norm.'),
    r'l(\d+)\.residual\.conv\.': _in_block('residual.0.'),
    r'l(\d+)\.residual\.bn\.': _in_block('residual.1.'),
    r'fc\.': 'classifier.',
}

#: The partitions' convolutions, which the release keeps apart: dimension along which their
#: weights are joined here, and how their biases are combined.
JOINED: Mapping[str, tuple[int, Callable]] = {
    'senders': (0, torch.cat),
    'receivers': (0, torch.cat),
    'partitions': (1, sum),
}


def rename_released_agcn(
    state: Mapping[str, Tensor], layout: str | Mapping | SkeletonLayout = 'kinect_v2'
) -> dict[str, Tensor]:
    """Rename the weights of a released AGCN with its linear layer.

    Args:
        state: Weights by the release's names.
        layout: Joint layout that the network was trained on. The release does not store its graph.

    Returns:
        Weights by the names of :class:`AGCN` in a classifier: ``encoder.*`` and ``classifier.*``.
        In ISC, the linear layer is the projector.

    Raises:
        ValueError: if a name is not one of the release's.
    """
    renamed = rename_entries(
        state, RELEASED_NAMES, 'the names of a released AGCN with one linear layer, fc'
    )
    graph = torch.from_numpy(parent_child_adjacency(layout))
    joined: dict[str, Tensor] = {'encoder.adjacency': graph}
    for name, value in renamed.items():
        match = re.match(r'(.*\.graph_convolution)\.(\w+)\.0\.(weight|bias)$', name)
        if match:
            convolution, part, kind = match.groups()
            parts = [value]
            while (other := f'{convolution}.{part}.{len(parts)}.{kind}') in renamed:
                parts.append(renamed[other])
            dim, combine_biases = JOINED[part]
            joined[f'{convolution}.{part}.{kind}'] = (
                torch.cat(parts, dim) if kind == 'weight' else combine_biases(parts)
            )
        elif not re.search(r'\.(senders|receivers|partitions)\.\d+\.', name):
            joined[name] = value
    return joined
