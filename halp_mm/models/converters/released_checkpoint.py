"""Conversion of released checkpoints of pre-training to states of pre-trainers.

It finds out what a checkpoint holds by the names of its entries:

==============================  =============================================================
Release                         Networks
==============================  =============================================================
SkeletonCLR, AimCLR             ST-GCN of one stream, ``encoder_q`` and ``encoder_k``
CrosSCLR, AimCLR's 3 streams    ST-GCN of joint, motion and bone, ``encoder_q_motion`` and so on
HaLP                            BiGRU of one stream
CMD, HaLP + CMD                 BiGRU of joint, motion and bone
ISC                             BiGRU, AGCN or HCN, alone, or two of them: ``encoder_q`` with
                                ``encoder_k``, and ``encoder_r`` with ``encoder_l``
AS-CAL                          LSTM, with the release's optional head as projector
SkeletonBT, PSTL                ST-GCN with its projector, alone: there are no keys
MAMP, MAE                       transformer with its decoder, alone
==============================  =============================================================
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models.converters import released_mamp
from halp_mm.models.converters.released_agcn import rename_released_agcn
from halp_mm.models.converters.released_ascal import rename_released_ascal
from halp_mm.models.converters.released_bigru import rename_released_bigru
from halp_mm.models.converters.released_hcn import rename_released_hcn
from halp_mm.models.converters.released_skeletonbt import rename_released_skeletonbt
from halp_mm.models.converters.released_stgcn import rename_released

#: HaLP's prototypes, which are computed anew from the queue.
OMITTED = ('prototypes',)

_NETWORK = re.compile(r'encoder_([qkrl])(?:_(motion|bone))?\.')
_QUEUE = re.compile(r'[qQ]ueue(_ptr)?(?:_(motion|bone|S1|S2))?$')
#: The release's letter of a network, ISC's number of its representation, and the part that it is.
_LETTERS = {'q': ('S1', 'query'), 'k': ('S1', 'key'), 'r': ('S2', 'query'), 'l': ('S2', 'key')}


class Architecture(NamedTuple):
    """A kind of released network."""

    name: str  #: Of the encoder here
    entry: str  #: An entry that no other kind has
    representation: str  #: What ISC calls its input
    rename: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]  #: Its converter
    needs: tuple[str, ...] = ('projector',)  #: What a network must bring, by names here
    has_keys: bool = True  #: Whether it is trained beside key networks and a queue


ARCHITECTURES = (
    Architecture(
        'STGCN',
        'projector.0.weight',
        'graph',
        rename_released_skeletonbt,
        needs=('encoder.adjacency', 'projector'),
        has_keys=False,
    ),
    Architecture(
        'STGCN',
        'st_gcn_networks.0.gcn.conv.weight',
        'graph',
        rename_released,
        needs=('encoder.adjacency', 'projector'),
    ),
    Architecture('BiGRU', 'encoder.gru.weight_ih_l0', 'sequence', rename_released_bigru),
    Architecture('AGCN', 'l1.gcn1.PA', 'graph', rename_released_agcn),
    Architecture('HCN', 'conv1m.0.weight', 'image', rename_released_hcn),
    Architecture(
        'LSTM', 'bi_lstm.weight_ih_l0', 'sequence', rename_released_ascal, needs=('encoder',)
    ),
    Architecture(
        'SpatioTemporalTransformer',
        'joints_embed.proj.weight',
        'cells',
        released_mamp.rename_released,
        needs=('encoder', 'decoder'),
        has_keys=False,
    ),
)


class ConvertedCheckpoint(NamedTuple):
    """A converted checkpoint."""

    state: dict[str, Tensor]  #: The state dict of a :class:`Pretrainer`
    encoders: dict[str, str]  #: The kind of each stream's encoder
    omitted: list[str]  #: Entries that are not taken over


def convert_released(
    checkpoint: Mapping, stream: str = 'joint', part: str = 'query', queue_size: int = 32768
) -> ConvertedCheckpoint:
    """Convert a released checkpoint to the state of a :class:`Pretrainer`.

    The checkpoint holds query and key networks and queues, or a single network. A single network
    becomes both the query and the key network, with a queue of random unit vectors as at the start
    of training; where the method has neither, it stays alone.

    Args:
        checkpoint: The checkpoint: tensors by name, or a dict with them as ``state_dict``.
        stream: The stream of the networks if they are of one stream, which the releases' files do
            not state.
        part: The networks that become the query networks, which downstream evaluation uses:
            ``'query'`` or ``'key'``.
        queue_size: L, the size of the queue if the checkpoint has none.

    Returns:
        The state. ISC's two representations are the streams ``sequence``, ``graph`` or ``image``.

    Raises:
        ValueError: if an entry is unknown or a required one is missing.
    """
    networks, queues, omitted = _split(_tensors(checkpoint))
    names = _stream_names(networks, stream)
    state: dict[str, Tensor] = {}
    encoders = {}
    for source, name in names.items():
        parts = {kind: _rename(weights, bool(queues)) for kind, weights in networks[source].items()}
        if part not in parts:
            raise ValueError(f'there is no {part} network; there is {" and ".join(parts)}')
        architecture = _architecture(networks[source][part])
        encoders[name] = architecture.name
        query, key = parts[part], parts.get('key', parts[part])
        state |= {_place(name, entry): value for entry, value in query.items()}
        if not architecture.has_keys:
            continue
        state['key_networks.n_averaged'] = torch.zeros((), dtype=torch.long)
        state |= {f'key_networks.module.{name}.{entry}': value for entry, value in key.items()}
        queue, pointer = (queues.get((kind, source)) for kind in ('entries', 'pointer'))
        if queue is None:
            queue = F.normalize(torch.randn(_embedding_dim(query), queue_size), dim=0)
        num_enqueued = torch.zeros(()) if pointer is None else pointer.reshape(())
        state[f'queues.{name}.key.entries'] = queue.T.contiguous()  # the release's is [D, L]
        state[f'queues.{name}.key.num_enqueued'] = num_enqueued.long()
    return ConvertedCheckpoint(state, encoders, omitted)


def _tensors(checkpoint: Mapping) -> dict[str, Tensor]:
    """The tensors of a checkpoint, without the prefix of distributed training."""
    state = checkpoint.get('state_dict', checkpoint)
    others = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise ValueError(f'expected tensors by name, but {others} are none')
    return {name.removeprefix('module.'): value for name, value in state.items()}


def _split(
    state: Mapping[str, Tensor],
) -> tuple[dict[str, dict[str, dict[str, Tensor]]], dict[tuple[str, str], Tensor], list[str]]:
    """Split a checkpoint into networks by stream and part, queues, and omitted entries.

    Streams are called as the releases call them: ``''``, ``'motion'``, ``'bone'`` or ``'S2'``.
    """
    networks: dict = defaultdict(lambda: defaultdict(dict))
    queues, queue_names, rest, omitted = {}, {}, {}, []
    for name, value in state.items():
        network, queue = _NETWORK.match(name), _QUEUE.match(name)
        if network:
            number, part = _LETTERS[network[1]]
            networks[_stream(network[2] or number)][part][name[network.end() :]] = value
        elif queue:
            key = 'pointer' if queue[1] else 'entries', _stream(queue[2])
            queues[key], queue_names[key] = value, name
        elif name in OMITTED:
            omitted.append(name)
        else:
            rest[name] = value
    if not networks:
        networks['']['query'], rest = rest, {}
    unknown = [
        *rest,
        *(name for (_, stream), name in queue_names.items() if stream not in networks),
    ]
    if unknown:
        raise ValueError(
            f'these entries are not known: {sorted(unknown)}; expected encoder_q.*, encoder_k.*, '
            'queue and queue_ptr, these with _motion and _bone, encoder_r.*, encoder_l.* and the '
            'two queues of ISC, or the names of one network'
        )
    return networks, queues, omitted


def _stream(name: str | None) -> str:
    """A stream as networks and queues call it: the first of several has no name."""
    return '' if name in (None, 'S1') else name


def _stream_names(networks: Mapping[str, Mapping], stream: str) -> dict[str, str]:
    """The names of streams here, by the releases'."""
    if list(networks) == ['']:
        return {'': stream}
    if 'S2' in networks:
        return {
            source: _architecture(next(iter(parts.values()))).representation
            for source, parts in networks.items()
        }
    return {source: source or 'joint' for source in networks}


def _architecture(weights: Mapping[str, Tensor]) -> Architecture:
    """The kind of a network."""
    for architecture in ARCHITECTURES:
        if architecture.entry in weights:
            return architecture
    raise ValueError(
        f'a network has the entries {sorted(weights)[:3]} and so on; expected '
        + ', '.join(f'{kind.entry} of a released {kind.name}' for kind in ARCHITECTURES)
    )


def _rename(weights: Mapping[str, Tensor], in_pretraining: bool) -> dict[str, Tensor]:
    """Rename a network's entries to ``encoder.*`` and ``projector.*``."""
    architecture = _architecture(weights)
    renamed = architecture.rename(weights)
    if {'classifier.weight', 'classifier.bias'} <= renamed.keys() and not in_pretraining:
        raise ValueError(
            'there is one linear layer, fc, and no queue: the network is a classifier. Expected a '
            'checkpoint of pre-training'
        )
    # Of one layer, ISC's projector is called as a classifier.
    patterns = {r'^classifier\.(\d)': r'projector.layers.\1', r'^classifier': 'projector.layers.0'}
    for pattern, ours in patterns.items():
        renamed = {re.sub(pattern, ours, name): value for name, value in renamed.items()}
    missing = [
        name
        for name in architecture.needs
        if not any(entry == name or entry.startswith(f'{name}.') for entry in renamed)
    ]
    if missing:
        wanted = {
            'projector': 'its projector fc',
            'encoder.adjacency': 'its graph A',
            'encoder': 'its layers',
            'decoder': 'its decoder',
        }
        expected = ' and '.join(wanted[name] for name in reversed(architecture.needs))
        raise ValueError(
            f'{missing} are not there; expected an {architecture.name} with {expected}'
        )
    return renamed


def _place(stream: str, entry: str) -> str:
    """Where a stream's query network has an entry; the decoder is the head's."""
    if entry.startswith('decoder.'):
        return f'heads.masked.decoders.{stream}.{entry.removeprefix("decoder.")}'
    return f'query_networks.{stream}.{entry}'


def _embedding_dim(network: Mapping[str, Tensor]) -> int:
    """The length of the embeddings: of the projector's last layer, or of an LSTM's output."""
    weights = [name for name in network if re.fullmatch(r'projector\.layers\.\d+\.weight', name)]
    if weights:
        return len(network[max(weights)])
    return network[max(name for name in network if 'weight_hh' in name)].shape[1]
