"""Conversion of the released weights of SkeletonCLR and AimCLR to the names used here."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models.converters.renaming import rename_entries

#: Beginnings of the release's names of an encoder with its projector, and the names used here.
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
    """Rename the weights of one released network, an encoder with its projector.

    Args:
        state: Weights by the release's names, without ``encoder_q.`` or ``encoder_k.``.

    Returns:
        Weights by the names of :class:`STGCN` and the projector in a pre-trainer: ``encoder.*``,
        with the release's graph as ``encoder.adjacency``, and ``projector.*``.

    Raises:
        ValueError: if a name is not one of the release's.
    """
    return rename_entries(
        state,
        RELEASED_NAMES,
        'the names of a released ST-GCN with a projector of two layers, fc.0 and fc.2',
    )


def convert_released(
    state: Mapping[str, Tensor], stream: str = 'joint', part: str = 'query', queue_size: int = 32768
) -> dict[str, Tensor]:
    """Convert a released checkpoint to the state of a :class:`Pretrainer` with one stream.

    The checkpoint holds either the networks ``encoder_q`` and ``encoder_k`` and the queue, or a
    single network. A single network becomes both the query and the key network, with a queue of
    random unit vectors as at the start of training.

    Args:
        state: The checkpoint.
        stream: Stream that the networks were trained on, which the release's files do not state.
        part: Network that becomes the query network, which downstream evaluation uses: ``'query'``
            or ``'key'``.
        queue_size: L, the size of the queue if the checkpoint has none.

    Returns:
        The state dict of the pre-trainer.

    Raises:
        ValueError: if an entry is unknown or a required one is missing.
    """
    released, queue, pointer = _split_released(state)
    networks = {name: rename_released(weights) for name, weights in released.items()}
    if part not in networks:
        raise ValueError(f'there is no {part} network; there is {" and ".join(networks)}')
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


def _split_released(
    state: Mapping[str, Tensor],
) -> tuple[dict[str, dict[str, Tensor]], Tensor | None, Tensor | None]:
    """Split a released checkpoint into its networks by part, its queue and the queue's pointer."""
    others = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise ValueError(f'expected tensors by name, but {others} are none')
    rest = dict(state)
    parts = {
        part: {
            name.removeprefix(prefix): rest.pop(name) for name in state if name.startswith(prefix)
        }
        for part, prefix in (('query', 'encoder_q.'), ('key', 'encoder_k.'))
    }
    networks = {part: weights for part, weights in parts.items() if weights}
    queue, pointer = rest.pop('queue', None), rest.pop('queue_ptr', None)
    if not networks:
        networks['query'], rest = rest, {}
    if rest:
        raise ValueError(
            f'these entries are not known: {sorted(rest)}; expected encoder_q.*, encoder_k.*, '
            'queue and queue_ptr, or the names of one network'
        )
    return networks, queue, pointer
