"""The outputs of one stream's networks for a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from halp_mm.models.modules import FeatureQueue
from halp_mm.models.modules.precision import at_least_float32


@dataclass(frozen=True)
class StreamOutputs:
    """The outputs of one stream's networks for a batch; only those that a head reads.

    Args:
        stream: Name of the stream.
        clips: Inputs of the encoder, ``[N, M, T, V, C]`` by view.
        draws: Draws recorded by the views' transforms by view and name, ``[N, ...]`` unless their
            transform says otherwise.
        maps: Feature maps ``[N, M', D, T', V']`` by view, with gradient.
        features: Features ``[N, D]`` by view, with gradient.
        queries: Embeddings ``[N, D]`` by view, with gradient.
        keys: Embeddings ``[N, D]`` from the momentum copy by view, without gradient.
        queues: The stream's queues by view, without the keys of this batch.
        negatives: Entries of the queues before this batch, ``[L, D]`` by view.
        key_maps: Feature maps from the momentum copy by view, without gradient.
        key_features: Features from the momentum copy by view, without gradient.
        labels: Class labels ``[N]``, negative where there is none; None if nobody gave them.
        mixed_precision: The half precision that the networks were free to use; None for none.
    """

    stream: str
    clips: Mapping[str, Tensor] = field(default_factory=dict)
    draws: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    maps: Mapping[str, Tensor] = field(default_factory=dict)
    features: Mapping[str, Tensor] = field(default_factory=dict)
    queries: Mapping[str, Tensor] = field(default_factory=dict)
    keys: Mapping[str, Tensor] = field(default_factory=dict)
    queues: Mapping[str, FeatureQueue] = field(default_factory=dict)
    negatives: Mapping[str, Tensor] = field(default_factory=dict)
    key_maps: Mapping[str, Tensor] = field(default_factory=dict)
    key_features: Mapping[str, Tensor] = field(default_factory=dict)
    labels: Tensor | None = None
    mixed_precision: torch.dtype | None = None
    _similarities: dict[tuple[str, str], Tensor] = field(
        default_factory=dict, init=False, repr=False
    )

    def run(self, network: Callable[..., Tensor], *inputs: Any) -> Tensor:
        """Run a head's own network as precisely as the stream's networks have run.

        Losses and similarities are in full precision. A decoder or a projector need not be, and may
        be most of a step's work.

        Args:
            network: The network, or a method of it.
            inputs: Its inputs, a tensor first.

        Returns:
            What it returns, in float32 at least.
        """
        is_mixed = self.mixed_precision is not None
        with torch.autocast(inputs[0].device.type, self.mixed_precision, enabled=is_mixed):
            return at_least_float32(network(*inputs))

    def similarities(self, query: str, key: str = 'key') -> Tensor:
        """Compute a view's similarities to its keys, then to the negatives: ``[N, 1 + L]``.

        The result is cached for all heads.

        Args:
            query: Name of the query view.
            key: Name of the key view.
        """
        if (query, key) not in self._similarities:
            queries = self.queries[query]
            positive = (queries * self.keys[key]).sum(-1, keepdim=True)
            both = torch.cat([positive, queries @ self.negatives[key].T], 1)
            self._similarities[query, key] = both
        return self._similarities[query, key]
