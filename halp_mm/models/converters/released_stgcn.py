"""Weights of the releases of SkeletonCLR and AimCLR under our names."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

#: What the release's names of an encoder with its projector begin with, and our names.
RELEASED_NAMES = {
    r'A$': 'encoder.adjacency',
    r'data_bn\.': 'encoder.input_norm.',
    r'edge_importance\.(\d+)$': r'encoder.blocks.\1.graph_convolution.edge_importance',
    r'st_gcn_networks\.(\d+)\.gcn\.conv\.': r'encoder.blocks.\1.graph_convolution.partitions.',
    r'st_gcn_networks\.(\d+)\.tcn\.0\.': r'encoder.blocks.\1.spatial_norm.',
    r'st_gcn_networks\.(\d+)\.tcn\.2\.': r'encoder.blocks.\1.temporal_convolution.',
    r'st_gcn_networks\.(\d+)\.tcn\.3\.': r'encoder.blocks.\1.temporal_norm.',
    r'st_gcn_networks\.(\d+)\.residual\.([01])\.': r'encoder.blocks.\1.residual.\2.',
    r'fc\.([02])\.': r'projector.layers.\1.',
}


def rename_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of one released network, an encoder with its projector, under our names.

    Args:
        state: By the release's names, without ``encoder_q.`` or ``encoder_k.``.

    Returns:
        By the names that :class:`STGCN` and the projector have in a pre-trainer:
        ``encoder.*``, with the release's graph as ``encoder.adjacency``, and ``projector.*``.

    Raises:
        ValueError: if a name is none of the release's.
    """
    renamed, unknown = {}, []
    for name, value in state.items():
        for released, ours in RELEASED_NAMES.items():
            if re.match(released, name):
                renamed[re.sub(f'^{released}', ours, name)] = value
                break
        else:
            unknown.append(name)
    if unknown:
        raise ValueError(
            f'these entries are not known: {unknown}; expected the names of a released ST-GCN '
            'with a projector of two layers, fc.0 and fc.2'
        )
    return renamed


def convert_released(
    state: Mapping[str, Tensor], stream: str = 'joint', part: str = 'query', queue_size: int = 32768
) -> dict[str, Tensor]:
    """A released checkpoint as the state of a :class:`Pretrainer` with one stream.

    The checkpoint holds the networks ``encoder_q`` and ``encoder_k`` and the queue, or the names
    of one network alone. That one is then both query and key network, and the queue is as at the
    start of training: random unit vectors.

    Args:
        state: The checkpoint.
        stream: What the networks were trained on; the release's files do not say.
        part: ``'query'`` or ``'key'``: the network that becomes the query network, which
            downstream evaluation uses.
        queue_size: Length of the queue of a checkpoint that has none.

    Returns:
        The state dict of the pre-trainer.

    Raises:
        ValueError: if an entry is unknown, or what is needed is not there.
    """
    others = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise ValueError(f'expected tensors by name, but {others} are none')
    rest = dict(state)
    networks = {
        ours: {
            name.removeprefix(prefix): rest.pop(name) for name in state if name.startswith(prefix)
        }
        for ours, prefix in (('query', 'encoder_q.'), ('key', 'encoder_k.'))
    }
    networks = {name: weights for name, weights in networks.items() if weights}
    queue, pointer = rest.pop('queue', None), rest.pop('queue_ptr', None)
    if not networks:
        networks['query'], rest = rest, {}
    if rest:
        raise ValueError(
            f'these entries are not known: {sorted(rest)}; expected encoder_q.*, encoder_k.*, '
            'queue and queue_ptr, or the names of one network'
        )
    if part not in networks:
        raise ValueError(f'there is no {part} network; there is {" and ".join(networks)}')
    networks = {name: rename_released(weights) for name, weights in networks.items()}
    query = networks[part]
    key = networks.get('key', query)
    missing = {'encoder.adjacency', 'projector.layers.2.weight'} - query.keys()
    if missing:
        raise ValueError(
            f'{sorted(missing)} of the {part} network are not there; expected an ST-GCN '
            'with its graph A and a projector of two layers, fc.0 and fc.2'
        )
    if queue is None:
        embedding_dim = len(query['projector.layers.2.weight'])
        queue = F.normalize(torch.randn(embedding_dim, queue_size), dim=0)
    num_enqueued = torch.zeros(()) if pointer is None else pointer.reshape(())
    return {
        **{f'query_networks.{stream}.{name}': value for name, value in query.items()},
        **{f'key_networks.module.{stream}.{name}': value for name, value in key.items()},
        'key_networks.n_averaged': torch.zeros((), dtype=torch.long),
        f'queues.{stream}.key.entries': queue.T.contiguous(),  # the release's is [D, L]
        f'queues.{stream}.key.num_enqueued': num_enqueued.long(),
    }
