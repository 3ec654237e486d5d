"""The data preprocessor, which turns a padded batch into a model's views and streams."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from halp_mm.argument_checks import check_different
from halp_mm.clip_draws import PartGenerator
from halp_mm.component_building import suggestion
from halp_mm.datasets import clips_padded_together
from halp_mm.registry import MODELS
from halp_mm.skeletons import Clips, check_stream, derive_stream, joined_clips
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms import BatchTransform, build_transform

#: Clips ``[N, M, T, V, C]`` by view and stream.
Views = dict[str, dict[str, Tensor]]
#: Random draws ``[N, ...]`` by view and name.
Draws = dict[str, dict[str, Tensor]]


@MODELS.register_module()
class SkeletonPreprocessor(BaseDataPreprocessor):
    """Normalise a batch, draw its views and derive each view's streams, all on the device.

    Each view of a clip is drawn once, and all streams are derived from it. If a view's transforms
    record a ``mask``, its streams are zero under the mask.

    Args:
        normalization: Transforms of raw clips in training and evaluation. They are skipped for
            samples that are already normalised (see ``NormalizeOnceHook``).
        views: Transforms by name of the training view, such as ``query`` and ``key``. A view that
            starts from another view instead of the clips is a dict with that view's name, ``base``,
            and its own ``transforms``: ``masked=dict(base='clean', transforms=[...])``. A view that
            is None is omitted.
        evaluation_view: Transforms of the single view for evaluation.
        streams: Names of the streams: ``'joint'``, ``'bone'``, ``'motion'``. Within a model, they
            default to the model's, see :func:`build_preprocessor`.
        non_blocking: Whether transfers to the device overlap with computation.

    Raises:
        ValueError: if a stream is unknown, or a view's base is not an earlier view.
    """

    def __init__(
        self,
        normalization: Sequence[dict] = (),
        views: Mapping[str, Sequence[dict] | Mapping] | None = None,
        evaluation_view: Sequence[dict] = (),
        streams: Sequence[str] = ('joint',),
        non_blocking: bool = True,
    ) -> None:
        super().__init__(non_blocking)
        check_different(streams=streams)
        for stream in streams:
            check_stream(stream, 'streams')
        self.normalization = build_transform(list(normalization))
        self.views: dict[str, BatchTransform] = {}
        self.bases: dict[str, str] = {}
        for name, view in (views or {}).items():
            if view is None:
                continue
            if isinstance(view, Mapping):
                self.bases[name], view = self._base_and_transforms(name, view)
            self.views[name] = build_transform(list(view))
        self.evaluation_view = build_transform(list(evaluation_view))
        self.streams = tuple(streams)

    def _base_and_transforms(self, name: str, view: Mapping) -> tuple[str, Sequence[dict]]:
        if set(view) != {'base', 'transforms'}:
            raise ValueError(
                f'view {name!r} has the keys {sorted(view)}; expected a list of transforms, or '
                "dict(base='VIEW', transforms=[...])"
            )
        if view['base'] not in self.views:
            raise ValueError(
                f'view {name!r} starts from view {view["base"]!r}; the views before it are '
                f'{list(self.views)}. Name one of them, or move it before {name!r}'
            )
        return view['base'], view['transforms']

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch from ``pad_clips``.

        Args:
            data: The batch. Its ``progress``, a
                :class:`~halp_mm.training_progress.TrainingProgress`, seeds the random draws.
            training: Whether to make the training views instead of the evaluation view.

        Returns:
            ``views`` (see :data:`Views`; the evaluation view is called ``clip``), the ``draws``
            that their transforms recorded (see :data:`Draws`), ``labels`` and ``progress``.
        """
        views = self.views if training else {'clip': self.evaluation_view}
        return self.make_views(data, views)

    def make_views(self, data: dict, views: Mapping[str, BatchTransform]) -> dict:
        """Prepare a batch with the given views instead of the config's; see :meth:`forward`."""
        data = self.cast_data(data)
        progress = data.get('progress', TrainingProgress())
        # Coordinates keep full precision, whatever the precision of the networks.
        with torch.autocast(data['num_frames'].device.type, enabled=False):
            parts = clips_padded_together(data)
            if not data['normalized']:
                parts = [self.normalization(clips) for clips in parts]
            groups = data.get('groups', [None])
            of_parts = [
                self._make_parts_views(clips, rows, len(data['num_frames']), views, progress)
                for clips, rows in zip(parts, groups)
            ]
            made = of_parts[0]
            if len(of_parts) > 1:
                made = {
                    name: joined_clips([part[name] for part in of_parts], groups) for name in views
                }
            streams = {name: self.derive_streams(view) for name, view in made.items()}
        return {
            'views': streams,
            'draws': {name: dict(view.draws) for name, view in made.items()},
            'labels': data['labels'],
            'progress': progress,
        }

    def _make_parts_views(
        self,
        clips: Clips,
        rows: Tensor | None,
        num_clips: int,
        views: Mapping[str, BatchTransform],
        progress: TrainingProgress,
    ) -> dict[str, Clips]:
        """The views of all clips of a batch, or of some rows, with the same draws."""
        made: dict[str, Clips] = {}
        for name, view in views.items():
            base = made[self.bases[name]] if name in self.bases else clips
            generator = progress.generator(clips.device, f'view {name}')
            if rows is not None:
                generator = PartGenerator(generator, rows, num_clips)
            made[name] = view(base, generator)
        return made

    def derive_streams(self, view: Clips) -> dict[str, Tensor]:
        """Derive a view's streams ``[N, M, T, V, C]`` by name, zero under its mask."""
        streams = {stream: derive_stream(view, stream) for stream in self.streams}
        if 'mask' in view.draws:
            hidden = view.draws['mask'][..., None]
            streams = {name: stream.masked_fill(hidden, 0) for name, stream in streams.items()}
        return streams


def build_preprocessor(
    config: Mapping | None, streams: Sequence[str], views: Collection[str]
) -> SkeletonPreprocessor:
    """Build the data preprocessor of a model.

    Args:
        config: The preprocessor's config; None for no transforms. Its streams default to the
            model's, so a config sets them in one place.
        streams: Names of the streams that the model reads.
        views: Names of the training views that the model reads.

    Raises:
        ValueError: if the preprocessor lacks a stream or training view that the model reads, or
            makes a view that neither the model nor another view reads.
    """
    config = dict(config or {'type': 'SkeletonPreprocessor'})
    if config.get('streams') is None:
        config['streams'] = tuple(streams)
    # Our own registry finds it also without mmengine's default scope.
    preprocessor = MODELS.build(config)
    made = {'streams': preprocessor.streams, 'views': preprocessor.views}
    for kind, needed in (('streams', streams), ('views', views)):
        # A preprocessor without training views is for evaluation only.
        if made[kind] and not set(needed) <= set(made[kind]):
            raise ValueError(
                f'the model has {kind} {list(needed)}; data_preprocessor has {list(made[kind])}'
            )
    read = {*views, *preprocessor.bases.values()}
    unread = [view for view in preprocessor.views if view not in read]
    if unread:
        near = suggestion(unread[0], views, listed=False) or '.'
        raise ValueError(
            f'the model reads the views {sorted(views)}; data_preprocessor.views makes '
            f'{unread[0]!r}, which nothing reads{near} Correct the '
            'name, or set the view to None to omit it'
        )
    return preprocessor
