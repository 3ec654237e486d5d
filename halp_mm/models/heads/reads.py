"""The outputs of the networks that a pre-training head reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_


@dataclass(frozen=True)
class Reads:
    """The outputs that a head reads from each of its streams; a pre-trainer computes only these.

    If nothing from the momentum copy is read, there is none. Without queues, nothing is queued.
    Without queries and keys, there is no projector.

    Args:
        clips: Views whose clips are read, as the encoder sees them.
        maps: Views whose feature maps are read.
        features: Views whose features are read, with gradient.
        queries: Views whose embeddings are read, with gradient.
        keys: Views whose embeddings from the momentum copy are read.
        queues: Views whose keys are queued, each with the minimum queue size.
        key_maps: Views whose feature maps from the momentum copy are read.
        key_features: Views whose features from the momentum copy are read.
    """

    clips: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    queries: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    queues: Mapping[str, int] = field(default_factory=dict)
    key_maps: frozenset[str] = frozenset()
    key_features: frozenset[str] = frozenset()

    def __or__(self, other: Reads) -> Reads:
        sizes = {
            view: max(self.queues.get(view, 0), other.queues.get(view, 0))
            for view in (*self.queues, *other.queues)
        }
        return Reads(
            self.clips | other.clips,
            self.maps | other.maps,
            self.features | other.features,
            self.queries | other.queries,
            self.keys | other.keys,
            sizes,
            self.key_maps | other.key_maps,
            self.key_features | other.key_features,
        )

    @property
    def views(self) -> frozenset[str]:
        """All views that are read in any form."""
        return self.clips | self.encoded | self.copied | self.queues.keys()

    @property
    def encoded(self) -> frozenset[str]:
        """All views that an encoder maps with gradient."""
        return self.maps | self.features | self.queries

    @property
    def copied(self) -> frozenset[str]:
        """All views that the momentum copy sees."""
        return self.keys | self.key_maps | self.key_features

    @property
    def embeddings(self) -> bool:
        """Whether any embeddings are read."""
        return bool(self.queries or self.keys or self.queues)


def union(reads: Iterable[Reads]) -> Reads:
    """Combine reads."""
    return reduce(or_, reads, Reads())


def contrast(queries: Iterable[str], key: str, queue: int = 1) -> Reads:
    """The outputs read to contrast queries with a key view and its queue.

    Args:
        queries: Names of the query views.
        key: Name of the key view.
        queue: Minimum size of the queue of keys.

    Raises:
        ValueError: if the key view is also a query view, which would contrast a clip with itself.
    """
    queries = frozenset(queries)
    if key in queries:
        raise ValueError(
            f'key_view={key!r} is also a query view; expected another view of the clips'
        )
    return Reads(queries=queries, keys=frozenset([key]), queues={key: queue})
