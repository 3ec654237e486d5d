"""The pre-trainer: streams, views, and heads that contrast or predict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from mmengine.dist import is_distributed
from mmengine.model import BaseModel, ModuleDict
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_fraction
from halp_mm.models.data_preprocessors import Draws, Views, build_preprocessor
from halp_mm.models.encoders import Encoder
from halp_mm.models.heads import PretrainingHead, Reads, StreamOutputs
from halp_mm.models.heads.reads import union
from halp_mm.models.modules import (
    CudaGraphs,
    EmbeddingNetwork,
    FeatureQueue,
    MomentumCopy,
    gather_from_all_ranks,
    own_rows,
    synchronize_batch_norm,
)
from halp_mm.models.modules.precision import autocast_precision
from halp_mm.models.pretrainers.head_term import HeadTerm
from halp_mm.models.pretrainers.pretrainer_parts import (
    build_heads,
    build_networks,
    check_cells,
    check_queues,
    encoder_of,
    sources_of,
    view_of,
    without_none,
)
from halp_mm.models.pretrainers.same_draws import with_same_draws
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class Pretrainer(BaseModel):
    """Networks for each stream, and heads that learn from their outputs for the views.

    HaLP, AimCLR and the methods they are compared with are each a choice of streams, views and
    heads. Only the outputs that heads read are computed, and each only once. Only keys need a
    momentum copy of the networks, only negatives need a queue, and only embeddings need a
    projector. A stream has the weights, queues and random draws that it would have alone: streams
    learn from each other only through the heads.

    Source: MoCo (He et al., CVPR 2020), Sec. 3, for queries, keys and queues.

    Args:
        encoder: Config of each stream's encoder, or configs by name of the stream.
        heads: Configs of the heads by name. Besides a head's own arguments they take those of its
            term: ``weight``, ``start_epoch``, ``end_epoch`` and ``streams``, see :class:`HeadTerm`.
            A head that is None is omitted, so a config can drop a head of its base.
        projector: Config of the projector, without ``in_dim``; required if heads read embeddings.
        streams: Names of the streams, which the data preprocessor derives. For several
            representations of one stream, a mapping from their names to the stream's name.
        derived_maps: Feature maps derived from those of views, such as a map with dropped parts:
            by name, a config of the deriving module with an additional key ``view``. Heads read
            derived maps and their embeddings like those of views.
        queue_size: L, the size of each queue.
        momentum: Share of the momentum copy that an update keeps.
        final_momentum: The same at the end of training, reached along half a cosine; None for no
            change.
        batch_norm: Source of batch norm's statistics with several ranks: ``'local'``, each rank's
            own batch; ``'synchronized'``, the global batch; ``'shuffled_keys'``, local with clips
            shuffled over the ranks for the key networks, so that a query and its key do not share
            statistics (MoCo, Sec. 3.3).
        data_preprocessor: Config of the data preprocessor.
        init_cfg: mmengine's initialisation of the weights.

    Raises:
        ValueError: if the heads do not fit the streams, views, queues or projector.
    """

    def __init__(
        self,
        encoder: dict,
        heads: Mapping[str, dict | None],
        projector: dict | None = None,
        streams: Sequence[str] | Mapping[str, str] = ('joint',),
        derived_maps: Mapping[str, dict] | None = None,
        queue_size: int = 16384,
        momentum: float = 0.999,
        final_momentum: float | None = None,
        batch_norm: str = 'local',
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        sources = sources_of(streams)
        built = build_heads(heads, sources)
        terms = {name: term for name, (term, _) in built.items()}
        reads = {
            stream: union(head.reads for term, head in built.values() if stream in term.streams)
            for stream in sources
        }
        derived_maps = without_none(derived_maps or {})
        bases = {name: view_of(name, config) for name, config in derived_maps.items()}
        all_reads = union(reads.values())
        check_queues(all_reads, queue_size)
        check_choice(['local', 'synchronized', 'shuffled_keys'], batch_norm=batch_norm)
        if final_momentum is not None:
            check_fraction(final_momentum=final_momentum)
        if all_reads.embeddings and projector is None:
            raise ValueError('heads read embeddings, which a projector makes; set model.projector')
        super().__init__(
            build_preprocessor(
                data_preprocessor,
                list(dict.fromkeys(sources.values())),
                sorted({bases.get(view, view) for view in all_reads.views}),
            ),
            init_cfg,
        )
        self.sources = sources
        self.terms: dict[str, HeadTerm] = terms
        self.bases = bases
        self.derived_maps = ModuleDict(
            {
                name: MODELS.build({key: config[key] for key in config if key != 'view'})
                for name, config in derived_maps.items()
            }
        )
        networks = with_same_draws(
            lambda stream: build_networks(
                encoder_of(stream, encoder), projector, reads[stream], queue_size
            ),
            sources,
        )
        self.query_networks = ModuleDict({name: pair[0] for name, pair in networks.items()})
        check_cells(self.data_preprocessor.views, self.encoders)
        self.shuffles_keys = batch_norm == 'shuffled_keys'
        if batch_norm == 'synchronized':
            synchronize_batch_norm(self.query_networks)
        self.queues = nn.ModuleDict({name: pair[1] for name, pair in networks.items()})
        self.momentum = momentum
        self.final_momentum = momentum if final_momentum is None else final_momentum
        self.key_networks = (
            MomentumCopy(self.query_networks, momentum) if all_reads.copied else None
        )
        self.heads: Mapping[str, PretrainingHead] = ModuleDict(
            {name: head for name, (_, head) in built.items()}
        )
        for name, head in self.heads.items():
            head.connect({stream: self.query_networks[stream] for stream in terms[name].streams})
        if batch_norm == 'synchronized':
            synchronize_batch_norm(self.heads)
        #: The recorded passes of encoders while a training replays them; see ``CudaGraphHook``.
        self.graphs: CudaGraphs | None = None

    @property
    def encoders(self) -> dict[str, Encoder]:
        """The query networks' encoders, which compute the features, by stream."""
        return {stream: network.encoder for stream, network in self.query_networks.items()}

    @property
    def has_idle_parameters(self) -> bool:
        """Whether parameters get no gradient in some epoch.

        Such parameters belong to an inactive head, or to a stream's networks while no head reads
        their embeddings.
        """
        terms = self.terms.values()
        # Nothing changes between these epochs.
        epochs = {0, *(t.start_epoch for t in terms), *(t.end_epoch or 0 for t in terms)}
        return any(
            any(not self.reads_at(moment, stream).queries for stream in self.sources)
            or any(
                list(self.heads[name].parameters()) and not term.is_active(moment)
                for name, term in self.terms.items()
            )
            for moment in map(TrainingProgress, epochs)
        )

    def init_weights(self) -> None:
        """Initialise the query networks and copy them to the key networks."""
        super().init_weights()
        if self.key_networks is not None:
            self.key_networks.module.load_state_dict(self.query_networks.state_dict())
        for head in self.heads.values():
            head.update_copies(0.0)

    def forward(
        self,
        views: Views,
        labels: Tensor | None,
        draws: Draws | None = None,
        progress: TrainingProgress | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor]:
        """Compute the losses of a training batch or the features of an evaluation batch.

        Args:
            views: Streams ``[N, M, T, V, C]`` by view and stream name.
            labels: Class labels ``[N]``, for the heads that read them.
            draws: Draws recorded by the views' transforms.
            progress: The training progress.
            mode: ``'loss'``, or ``'tensor'`` for features.

        Returns:
            Scalars by name, or features ``[N, D]`` by stream.

        Raises:
            ValueError: if the mode is unknown.
        """
        if mode == 'loss':
            return self.loss(views, draws or {}, progress or TrainingProgress(), labels)
        if mode == 'tensor':
            return self.extract_features(views['clip'])
        raise ValueError(f"mode must be 'loss' or 'tensor', got {mode!r}")

    def extract_features(self, clips: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Extract features ``[N, D]`` of every stream, before the projector, for downstream use."""
        return {
            stream: encoder(clips[self.sources[stream]])
            for stream, encoder in self.encoders.items()
        }

    def loss(
        self,
        views: Views,
        draws: Draws,
        progress: TrainingProgress,
        labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Update the momentum copy, run the networks and the heads, and queue the keys.

        Returns:
            Scalars by name, ``STREAM/HEAD/NAME``; losses are weighted.
        """
        if self.key_networks is not None:
            momentum = self.momentum_at(progress)
            self.key_networks.update_parameters(self.query_networks, momentum)
            for head in self.heads.values():
                head.update_copies(momentum)
        device = next(iter(next(iter(views.values())).values())).device
        streams = with_same_draws(
            lambda stream: self.run_networks(stream, views, draws, progress, labels),
            self.sources,
            device,
        )
        results: dict[str, Tensor] = {}
        # Similarities and losses keep full precision, whatever the precision of the networks.
        with torch.autocast(device.type, enabled=False):
            for name, head in self.heads.items():
                term = self.terms[name]
                if not term.is_active(progress):
                    continue
                outputs = {stream: streams[stream] for stream in term.streams}
                moment = replace(progress, start_epoch=term.start_epoch)
                for stream, scalars in head.loss(outputs, moment).items():
                    scalars['loss'] = term.weight * scalars['loss']
                    results |= {f'{stream}/{name}/{key}': value for key, value in scalars.items()}
        for stream_outputs in streams.values():
            for view, queue in stream_outputs.queues.items():
                queue.enqueue(gather_from_all_ranks(stream_outputs.keys[view]))
        return results

    def momentum_at(self, progress: TrainingProgress) -> float:
        """Share of the momentum copy that an update keeps at a moment of training."""
        change = self.momentum - self.final_momentum
        return self.final_momentum + change * (1 + math.cos(math.pi * progress.share)) / 2

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum the heads' losses; return the sum, and the sum with all scalars for logging.

        Before the first head starts there is nothing to learn, and the sum has no gradient to any
        parameter: an optimizer leaves the parameters as they are, while queues are filled.
        """
        weighted = [value for name, value in losses.items() if name.endswith('/loss')]
        if weighted:
            total = cast('Tensor', sum(weighted))
        else:
            total = torch.zeros((), device=next(self.parameters()).device, requires_grad=True)
        return total, {'loss': total, **losses}

    def reads_at(self, progress: TrainingProgress, stream: str) -> Reads:
        """The outputs read of a stream; queues are also filled for heads that start later."""
        reads = Reads()
        for name, term in self.terms.items():
            if stream not in term.streams or term.has_ended(progress):
                continue
            of_head = self.heads[name].reads
            if not term.is_active(progress):
                of_head = Reads(keys=frozenset(of_head.queues), queues=of_head.queues)
            reads |= of_head
        return reads

    def run_networks(
        self,
        stream: str,
        views: Views,
        draws: Draws,
        progress: TrainingProgress,
        labels: Tensor | None = None,
    ) -> StreamOutputs:
        """Run a stream's networks on the views that are read; an encoder runs once per view."""
        source, reads = self.sources[stream], self.reads_at(progress, stream)
        network = self.query_networks[stream]
        queues = cast('Mapping[str, FeatureQueue]', self.queues[stream])
        keys: dict[str, Tensor] = {}
        key_maps: dict[str, Tensor] = {}
        key_features: dict[str, Tensor] = {}
        maps, features, queries = {}, {}, {}
        for view in views:
            if view in reads.copied:
                made = self.copy_outputs(
                    stream, view, views[view][source], progress, reads, hiding_in(draws, view)
                )
                for outputs, one in zip((key_maps, key_features, keys), made):
                    if one is not None:
                        outputs[view] = one

        def add_map(name: str, feature_map: Tensor) -> None:
            maps[name] = feature_map
            if name in reads.features | reads.queries:
                features[name] = network.encoder.readout(feature_map)
            if name in reads.queries:
                queries[name] = network.projector(features[name])

        for view in views:
            derived = [
                name for name, base in self.bases.items() if base == view and name in reads.encoded
            ]
            if derived or view in reads.encoded:
                feature_map = self.map_of(
                    ('query', stream, view), network, views[view][source], hiding_in(draws, view)
                )
                add_map(view, feature_map)
                for name in derived:
                    add_map(name, self.derived_maps[name](feature_map))
        return StreamOutputs(
            stream,
            clips={view: views[view][source] for view in reads.clips},
            draws=draws,
            maps=maps,
            features=features,
            queries=queries,
            keys=keys,
            queues={view: queues[view] for view in reads.queues},
            negatives={view: queues[view].snapshot() for view in reads.queues},
            key_maps=key_maps,
            key_features=key_features,
            labels=labels,
            mixed_precision=autocast_precision(next(iter(views.values()))[source].device.type),
        )

    def map_of(
        self,
        place: tuple[str, str, str],
        network: EmbeddingNetwork,
        clips: Tensor,
        hiding: Mapping[str, Tensor],
    ) -> Tensor:
        """A network's feature map of a view; with graphs, replayed."""
        if self.graphs is None:
            return network.map_of(clips, **hiding)
        return self.graphs(place, network.encoder, *network.inputs_of(clips, **hiding))

    @torch.no_grad()
    def copy_outputs(
        self,
        stream: str,
        view: str,
        clips: Tensor,
        progress: TrainingProgress,
        reads: Reads,
        hiding: Mapping[str, Tensor],
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Run a stream's momentum copy on a view, without gradient.

        Returns:
            The feature map, feature and embedding, each None if it is not read.
        """
        assert self.key_networks is not None, 'it is made if a head reads it'
        network = cast('Mapping[str, EmbeddingNetwork]', self.key_networks.module)[stream]
        order = None
        if self.shuffles_keys and is_distributed():
            purpose = f'shuffled keys {view}'
            generator = progress.generator(clips.device, purpose, same_on_all_ranks=True)
            clips = gather_from_all_ranks(clips)
            order = torch.randperm(len(clips), generator=generator, device=clips.device)
            clips = own_rows(clips[order])
            hiding = {
                name: own_rows(gather_from_all_ranks(draw)[order]) for name, draw in hiding.items()
            }
        feature_map = self.map_of(('key', stream, view), network, clips, hiding)
        feature = embedding = None
        if view in reads.key_features | reads.keys:
            feature = network.encoder.readout(feature_map)
        if view in reads.keys:
            embedding = network.projector(feature)
        return (
            in_own_order(feature_map, order) if view in reads.key_maps else None,
            in_own_order(cast('Tensor', feature), order) if view in reads.key_features else None,
            None if embedding is None else in_own_order(embedding, order),
        )


def in_own_order(rows: Tensor, order: Tensor | None) -> Tensor:
    """This rank's rows of those that all ranks computed in another order; None for its own."""
    if order is None:
        return rows
    shuffled = gather_from_all_ranks(rows)
    return own_rows(torch.empty_like(shuffled).index_copy_(0, order, shuffled))


def hiding_in(draws: Draws, view: str) -> dict[str, Tensor]:
    """What a view's mask has drawn of ``visible`` and ``mask``; empty without a mask."""
    of_view = draws.get(view, {})
    return {name: of_view[name] for name in ('visible', 'mask') if name in of_view}
