"""What a pre-training head needs of the networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reads:
    """What a head reads of each of its streams; a pre-trainer computes what its heads read.

    Without keys there is no momentum copy of the networks, without queues nothing is queued, and
    without queries and keys there is no projector.

    Args:
        clips: Views that are read as the encoder sees them.
        maps: Views whose feature maps are read.
        queries: Views whose embeddings are read, with gradient.
        keys: Views whose embeddings by the momentum copy are read.
        queues: Views whose keys are queued, each with the smallest queue that will do.
    """

    clips: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()
    queries: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    queues: Mapping[str, int] = field(default_factory=dict)

    def __or__(self, other: Reads) -> Reads:
        sizes = {
            view: max(self.queues.get(view, 0), other.queues.get(view, 0))
            for view in (*self.queues, *other.queues)
        }
        return Reads(
            self.clips | other.clips,
            self.maps | other.maps,
            self.queries | other.queries,
            self.keys | other.keys,
            sizes,
        )

    @property
    def views(self) -> frozenset[str]:
        """All views that are read in one form or another."""
        return self.clips | self.maps | self.queries | self.keys | self.queues.keys()

    @property
    def embeddings(self) -> bool:
        """Whether anything is read that a projector makes."""
        return bool(self.queries or self.keys or self.queues)


def contrast(queries: Iterable[str], key: str, queue: int = 1) -> Reads:
    """What a contrast of queries with a key view and its queue reads.

    Args:
        queries: Names of the query views.
        key: Name of the key view.
        queue: The smallest queue of keys that will do.

    Raises:
        ValueError: if the key view is a query view too: a clip would be contrasted with itself.
    """
    queries = frozenset(queries)
    if key in queries:
        raise ValueError(
            f'key_view={key!r} is a query view too; expected another view of the clips'
        )
    return Reads(queries=queries, keys=frozenset([key]), queues={key: queue})
