"""The one pre-trainer: momentum contrast on some streams, with some views and a list of heads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from mmengine.dist import all_gather, is_distributed
from mmengine.model import BaseModel, BaseModule, ModuleDict
from torch import Tensor, nn

from halp_mm.models.data_preprocessors import build_preprocessor
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
    streams, views and heads. A stream's weights, queue and random draws are those that it would
    have alone: streams learn from each other through the heads and in no other way.

    Source: MoCo (He et al., CVPR 2020), Sec. 3.

    Args:
        encoder: Config of the encoder; each stream gets its own. Or a config by name of the stream.
        projector: Config of the projector, without ``in_dim``.
        heads: Configs of the heads.
        streams: Names of the streams; the data preprocessor derives them. Or, for several
            representations of one stream, a mapping from their names to that of the stream.
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
        streams: Sequence[str] | Mapping[str, str] = ('joint',),
        query_views: Sequence[str] = ('query',),
        key_view: str = 'key',
        drop: dict | None = None,
        dropped_views: Sequence[str] = (),
        queue_size: int = 16384,
        momentum: float = 0.999,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        sources = streams if isinstance(streams, Mapping) else {name: name for name in streams}
        derived = list(dict.fromkeys(sources.values()))
        super().__init__(
            build_preprocessor(data_preprocessor, derived, [*query_views, key_view]), init_cfg
        )
        self.sources = dict(sources)
        self.query_views = tuple(query_views)
        self.key_view = key_view
        self.drop = nn.Identity() if drop is None else MODELS.build(drop)
        self.dropped_views = tuple(dropped_views)
        if (drop is None) == bool(dropped_views) or not set(dropped_views) <= set(query_views):
            raise ValueError(
                f'drop={drop} and dropped_views={list(dropped_views)}; expected both or none, and '
                f'views among the query views {list(query_views)}'
            )
        self.query_networks = ModuleDict()
        self.queues = nn.ModuleDict()
        for stream in each_with_same_draws(self.sources):
            network = EmbeddingNetwork(encoder_of(stream, encoder), projector)
            self.query_networks[stream] = network
            self.queues[stream] = FeatureQueue(queue_size, network.projector.out_dim)
        self.key_networks = MomentumCopy(self.query_networks, momentum)
        defaults = {'streams': tuple(sources), 'embedding_dim': network.projector.out_dim}
        self.heads: Sequence[PretrainingHead] = nn.ModuleList(
            MODELS.build(head, default_args=defaults) for head in heads
        )
        self.progress = TrainingProgress()
        embedded = [*query_views, *(f'{view}_drop' for view in dropped_views)]
        for head in self.heads:
            head.check(sources, embedded, queue_size)

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
        return {
            stream: network.encoder(clips[self.sources[stream]])
            for stream, network in self.query_networks.items()
        }

    def loss(self, views: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
        """One step of momentum contrast: embed, let the heads judge, move queues on.

        Raises:
            ValueError: if two heads report a loss by the same name.
        """
        self.key_networks.update_parameters(self.query_networks)
        device = views[self.key_view][next(iter(self.sources.values()))].device
        streams = {
            stream: self.embed(stream, views)
            for stream in each_with_same_draws(self.sources, device)
        }
        losses = {}
        # Similarities keep full precision, whatever the networks compute in.
        with torch.autocast(device.type, enabled=False):
            for head in self.heads:
                if head.is_active(self.progress):
                    found = head.loss(streams, self.progress)
                    twice = sorted(losses.keys() & found.keys())
                    if twice:
                        raise ValueError(f'several heads report {twice}: one would hide the others')
                    losses |= found
        for embeddings in streams.values():
            embeddings.queue.enqueue(gather_from_all_ranks(embeddings.key))
        if len(streams) == 1:  # nothing to tell apart
            losses = {name.split('/')[-1]: value for name, value in losses.items()}
        return losses

    def embed(self, stream: str, views: dict[str, dict[str, Tensor]]) -> StreamEmbeddings:
        """What the networks of a stream make of the views."""
        source = self.sources[stream]
        queue = self.queues[stream]
        with torch.no_grad():
            key = self.key_networks.module[stream](views[self.key_view][source])
        return StreamEmbeddings(
            queries=self.embed_queries(
                self.query_networks[stream],
                {view: views[view][source] for view in self.query_views},
            ),
            key=key,
            queue=queue,
            negatives=queue.snapshot(),
        )

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


def encoder_of(stream: str, encoder: dict) -> dict:
    """The config of a stream's encoder, where ``encoder`` is one for all or one for each.

    Raises:
        ValueError: if there is none for the stream.
    """
    if 'type' in encoder:
        return encoder
    if stream not in encoder:
        raise ValueError(
            f'no encoder for stream {stream!r}, only for {list(encoder)}; expected one config '
            f'with a type for all streams, or one for each'
        )
    return encoder[stream]


def each_with_same_draws(
    streams: Iterable[str], device: torch.device | str = 'cpu'
) -> Iterator[str]:
    """Yield streams; what is drawn for the first is drawn again for each of the others.

    So nobody's draws depend on what other streams there are.

    Args:
        streams: Their names.
        device: Where numbers are drawn, besides the CPU.
    """
    *others, last = streams
    devices = [device] if torch.device(device).type == 'cuda' else []
    for stream in others:
        with torch.random.fork_rng(devices):
            yield stream
    yield last


def gather_from_all_ranks(keys: Tensor) -> Tensor:
    """The keys of all ranks, in the order of ranks: ``[world size x N, D]``."""
    return torch.cat(all_gather(keys)) if is_distributed() else keys
