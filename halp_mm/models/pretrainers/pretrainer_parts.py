"""The parts of a pre-trainer: how its config describes them, and whether they fit each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from torch import nn

from halp_mm.models.encoders import Encoder
from halp_mm.models.heads import PretrainingHead, Reads
from halp_mm.models.modules import EmbeddingNetwork, FeatureQueue
from halp_mm.models.pretrainers.head_term import HeadTerm, build_head
from halp_mm.skeletons import check_stream
from halp_mm.transforms import BatchTransform, CellMask, SemanticTubeMask


def sources_of(streams: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """The preprocessor's stream of each of the model's streams.

    Raises:
        ValueError: if there are no streams, a name is repeated, or a source is unknown.
    """
    if isinstance(streams, Mapping):
        sources = dict(streams)
        for name, source in sources.items():
            check_stream(source, f'streams.{name}')
    else:
        names = [streams] if isinstance(streams, str) else list(streams)
        sources = {name: name for name in names}
        if len(sources) < len(names):
            raise ValueError(f'streams={names}; expected each stream once')
    if not sources:
        raise ValueError("streams is empty; expected one or more, such as ['joint']")
    return sources


def without_none(configs: Mapping[str, dict | None]) -> dict[str, dict]:
    """Omit the configs that are None."""
    return {name: config for name, config in configs.items() if config is not None}


def build_heads(
    heads: Mapping[str, dict | None], streams: Collection[str]
) -> dict[str, tuple[HeadTerm, PretrainingHead]]:
    """Build the heads that are not None, with their terms.

    Raises:
        ValueError: if there are no heads, or a head's config does not fit.
    """
    if not isinstance(heads, Mapping):
        raise ValueError(f'heads is a {type(heads).__name__}; expected configs by name')
    heads = without_none(heads)
    if not heads:
        raise ValueError('heads is empty; expected configs of one or more heads by name')
    return {name: build_head(name, head, streams) for name, head in heads.items()}


def view_of(name: str, derived_map: Mapping) -> str:
    """The view that a derived map is derived from.

    Raises:
        ValueError: if its config has no ``view``.
    """
    if 'view' not in derived_map:
        raise ValueError(
            f'derived_maps.{name} is {dict(derived_map)}; expected also view, the name of the '
            'view that it is made of'
        )
    return derived_map['view']


def encoder_of(stream: str, encoder: dict) -> dict:
    """The config of a stream's encoder, from one config for all streams or one for each.

    Raises:
        ValueError: if there is no config for the stream.
    """
    if 'type' in encoder:
        return encoder
    if stream not in encoder:
        raise ValueError(
            f'no encoder for stream {stream!r}, only for {list(encoder)}; expected one config '
            f'with a type for all streams, or one for each'
        )
    return encoder[stream]


def build_networks(
    encoder: dict, projector: dict | None, reads: Reads, queue_size: int
) -> tuple[EmbeddingNetwork, nn.ModuleDict]:
    """Build the networks and queues that a stream needs for its reads.

    Args:
        encoder: Config of the stream's encoder.
        projector: Config of the projector, without ``in_dim``.
        reads: The outputs read of the stream.
        queue_size: L.

    Returns:
        The encoder with its projector, if embeddings are read, and the queues by view.
    """
    network = EmbeddingNetwork(encoder, projector if reads.embeddings else None)
    queues = {
        view: FeatureQueue(queue_size, network.embedding_dim, network.normalizes_embeddings)
        for view in reads.queues
    }
    return network, nn.ModuleDict(queues)


def check_queues(reads: Reads, queue_size: int) -> None:
    """Raise a ValueError if a head needs a larger queue."""
    for view, needed in reads.queues.items():
        if needed > queue_size:
            raise ValueError(
                f'heads read the {needed} newest keys of view {view!r}; a queue holds only '
                f'queue_size={queue_size}'
            )


def check_cells(views: Mapping[str, BatchTransform], encoders: Mapping[str, Encoder]) -> None:
    """Raise a ValueError if a mask hides other cells than the tokens of an encoder."""
    for view, transform in views.items():
        for part in getattr(transform, 'transforms', [transform]):
            for stream, encoder in encoders.items():
                if (
                    isinstance(part, (CellMask, SemanticTubeMask))
                    and (encoder.omits_hidden or encoder.replaces_hidden)
                    and encoder.cell_frames != part.cell_frames
                ):
                    raise ValueError(
                        f'view {view!r} hides cells of {part.cell_frames} frames; the tokens of '
                        f'the encoder of stream {stream!r} have {encoder.cell_frames}. Set '
                        'cell_frames of the mask and of the encoder to the same number'
                    )
