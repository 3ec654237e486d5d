"""The one pre-trainer: momentum contrast on some streams, with some views and a list of heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_gather, is_distributed
from mmengine.model import BaseModel, BaseModule, ModuleDict
from torch import Tensor, nn

from halp_mm.models.data_preprocessors import build_preprocessor
from halp_mm.models.encoders import Encoder
from halp_mm.models.heads import PretrainingHead, StreamEmbeddings
from halp_mm.models.modules import FeatureQueue, MomentumCopy
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


class EmbeddingNetwork(BaseModule):
    """An encoder and its projector.

    Args:
        encoder: Config of the encoder.
        projector: Config of the projector, without ``in_dim``.
    """

    def __init__(self, encoder: dict, projector: dict) -> None:
        super().__init__()
        self.encoder = MODELS.build(encoder)
        self.projector = MODELS.build({**projector, 'in_dim': self.encoder.feature_dim})

    def forward(self, clips: Tensor) -> Tensor:
        """A stream of clips ``[N, M, T, V, C]`` to unit embeddings ``[N, D]``."""
        return self.embed(self.encoder.forward_map(clips))

    def embed(self, feature_map: Tensor) -> Tensor:
        """The encoder's map to unit embeddings ``[N, D]``."""
        return self.projector(self.encoder.readout(feature_map))


@MODELS.register_module()
class MomentumContrast(BaseModel):
    """Query networks, their momentum copies, queues of keys, and heads that contrast them.

    Every method in HaLP and AimCLR, and those they are measured with, is this with its own
    streams, views and heads.

    Source: MoCo (He et al., CVPR 2020), Sec. 3.

    Args:
        encoder: Config of the encoder; each stream gets its own.
        projector: Config of the projector, without ``in_dim``.
        heads: Configs of the heads.
        streams: Names of the streams; the data preprocessor derives them.
        query_views: Names of the views that the query networks see.
        key_view: Name of the view that the key networks see.
        drop: Config of what drops parts of a feature map, such as ``EnergyAttentionDrop``.
        dropped_views: Names of the query views whose maps are embedded a second time, after the
            drop. Heads know the results as the query views ``VIEW_drop``.
        queue_size: L, keys that a stream's queue holds.
        momentum: Share of the key network that an update keeps.
        data_preprocessor: Config of the data preprocessor.
        init_cfg: How mmengine initialises the weights.

    Raises:
        ValueError: if a head or the data preprocessor does not fit the streams, views or queue, or
            there are views to be dropped from without a drop.
    """

    def __init__(
        self,
        encoder: dict,
        projector: dict,
        heads: Sequence[dict],
        streams: Sequence[str] = ('joint',),
        query_views: Sequence[str] = ('query',),
        key_view: str = 'key',
        drop: dict | None = None,
        dropped_views: Sequence[str] = (),
        queue_size: int = 16384,
        momentum: float = 0.999,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            build_preprocessor(data_preprocessor, streams, [*query_views, key_view]), init_cfg
        )
        self.query_views = tuple(query_views)
        self.key_view = key_view
        self.drop = nn.Identity() if drop is None else MODELS.build(drop)
        self.dropped_views = tuple(dropped_views)
        if (drop is None) == bool(dropped_views) or not set(dropped_views) <= set(query_views):
            raise ValueError(
                f'drop={drop} and dropped_views={list(dropped_views)}; expected both or none, and '
                f'views among the query views {list(query_views)}'
            )
        self.query_networks = ModuleDict(
            {stream: EmbeddingNetwork(encoder, projector) for stream in streams}
        )
        embedding_dim = self.query_networks[streams[0]].projector.out_dim
        self.key_networks = MomentumCopy(self.query_networks, momentum)
        self.queues = nn.ModuleDict(
            {stream: FeatureQueue(queue_size, embedding_dim) for stream in streams}
        )
        defaults = {'streams': tuple(streams), 'embedding_dim': embedding_dim}
        self.heads: Sequence[PretrainingHead] = nn.ModuleList(
            MODELS.build(head, default_args=defaults) for head in heads
        )
        self.progress = TrainingProgress()
        embedded = [*query_views, *(f'{view}_drop' for view in dropped_views)]
        for head in self.heads:
            head.check(streams, embedded, queue_size)

    @property
    def encoders(self) -> dict[str, Encoder]:
        """What makes the features, by stream: the query networks' encoders."""
        return {stream: network.encoder for stream, network in self.query_networks.items()}

    def init_weights(self) -> None:
        """Initialise the query networks, and start the key networks as their copies."""
        super().init_weights()
        self.key_networks.module.load_state_dict(self.query_networks.state_dict())

    def set_progress(self, progress: TrainingProgress) -> None:
        """Say where training stands; random draws and the heads' stages follow from it."""
        self.progress = progress
        self.data_preprocessor.progress = progress

    def forward(
        self, views: dict[str, dict[str, Tensor]], labels: Tensor, mode: str = 'tensor'
    ) -> dict[str, Tensor]:
        """Losses of a training batch, or features of an evaluation batch.

        Args:
            views: Streams ``[N, M, T, V, C]`` by view and stream name.
            labels: Not used: learning is without labels.
            mode: ``'loss'``, or ``'tensor'`` for features.

        Returns:
            Scalars by name, or features ``[N, D]`` by stream.

        Raises:
            ValueError: if the mode is another.
        """
        if mode == 'loss':
            return self.loss(views)
        if mode == 'tensor':
            return self.extract_features(views['clip'])
        raise ValueError(f"mode must be 'loss' or 'tensor', got {mode!r}")

    def extract_features(self, clips: dict[str, Tensor]) -> dict[str, Tensor]:
        """Features ``[N, D]`` of every stream, from before the projector, for downstream use."""
        return {stream: encoder(clips[stream]) for stream, encoder in self.encoders.items()}

    def loss(self, views: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
        """One step of momentum contrast: embed, let the heads judge, move queues on.

        Raises:
            ValueError: if two heads report a loss by the same name.
        """
        keys = self.embed_keys(views[self.key_view])
        streams = {
            stream: StreamEmbeddings(
                queries=self.embed_queries(
                    network, {v: views[v][stream] for v in self.query_views}
                ),
                key=keys[stream],
                queue=self.queues[stream],
                negatives=self.queues[stream].snapshot(),
            )
            for stream, network in self.query_networks.items()
        }
        losses = {}
        # Similarities keep full precision, whatever the networks compute in.
        with torch.autocast(next(iter(keys.values())).device.type, enabled=False):
            for head in self.heads:
                if head.is_active(self.progress):
                    found = head.loss(streams, self.progress)
                    twice = sorted(losses.keys() & found.keys())
                    if twice:
                        raise ValueError(f'several heads report {twice}: one would hide the others')
                    losses |= found
        for stream, key in keys.items():
            self.queues[stream].enqueue(gather_from_all_ranks(key))
        if len(streams) == 1:  # nothing to tell apart
            losses = {name.split('/')[-1]: value for name, value in losses.items()}
        return losses

    def embed_queries(
        self, network: EmbeddingNetwork, clips: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Embed the query views of a stream ``[N, M, T, V, C]``: ``[N, D]`` by view.

        The encoder runs once a view; what is dropped is dropped from its map.
        """
        queries = {}
        for view, stream in clips.items():
            feature_map = network.encoder.forward_map(stream)
            queries[view] = network.embed(feature_map)
            if view in self.dropped_views:
                queries[f'{view}_drop'] = network.embed(self.drop(feature_map))
        return queries

    @torch.no_grad()
    def embed_keys(self, clips: dict[str, Tensor]) -> dict[str, Tensor]:
        """Let the key networks follow, then embed the key view: ``[N, D]`` by stream."""
        self.key_networks.update_parameters(self.query_networks)
        return {
            stream: network(clips[stream]) for stream, network in self.key_networks.module.items()
        }


def gather_from_all_ranks(keys: Tensor) -> Tensor:
    """The keys of all ranks, in the order of ranks: ``[world size x N, D]``."""
    return torch.cat(all_gather(keys)) if is_distributed() else keys
