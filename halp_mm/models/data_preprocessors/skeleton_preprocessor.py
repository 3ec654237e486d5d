"""From a padded batch to the views and streams that a model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from halp_mm.argument_checks import check_different
from halp_mm.component_building import suggestion
from halp_mm.registry import MODELS
from halp_mm.skeletons import Clips, check_stream, derive_stream
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms import BatchTransform, build_transform

#: View name to stream name to ``[N, M, T, V, C]``.
Views = dict[str, dict[str, Tensor]]


@MODELS.register_module()
class SkeletonPreprocessor(BaseDataPreprocessor):
    """Normalise a batch, draw its views, derive every view's streams; all on the device.

    A view is drawn once a clip and all streams are derived from it.

    Args:
        normalization: Transforms for raw clips, training and evaluation alike. Skipped for
            samples that are normalised already (see ``NormalizeOnceHook``).
        views: Transforms by name of the training view, such as ``query`` and ``key``.
        evaluation_view: Transforms of the one view for evaluation.
        streams: Names of the streams: ``'joint'``, ``'bone'``, ``'motion'``. Within a model
            they are by default the model's, see :func:`build_preprocessor`.
        non_blocking: Whether transfers to the device overlap with computing.

    Raises:
        ValueError: if a stream is unknown.
    """

    def __init__(
        self,
        normalization: Sequence[dict] = (),
        views: Mapping[str, Sequence[dict]] | None = None,
        evaluation_view: Sequence[dict] = (),
        streams: Sequence[str] = ('joint',),
        non_blocking: bool = True,
    ) -> None:
        super().__init__(non_blocking)
        check_different(streams=streams)
        for stream in streams:
            check_stream(stream)
        self.normalization = build_transform(list(normalization))
        self.views = {name: build_transform(list(view)) for name, view in (views or {}).items()}
        self.evaluation_view = build_transform(list(evaluation_view))
        self.streams = tuple(streams)
        self.progress = TrainingProgress()

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch of ``pad_clips``.

        Args:
            data: The batch.
            training: Whether to make the training views, or the evaluation view.

        Returns:
            ``views`` (see :data:`Views`; the evaluation view is called ``clip``) and ``labels``.
        """
        views = self.views if training else {'clip': self.evaluation_view}
        return self.make_views(data, views)

    def make_views(self, data: dict, views: Mapping[str, BatchTransform]) -> dict:
        """Prepare a batch with other views than the config's; see :meth:`forward`."""
        data = self.cast_data(data)
        clips = Clips(data['clips'], data['num_frames'], data['layout'])
        # Coordinates are never rounded to half precision, whatever the networks compute in.
        with torch.autocast(clips.device.type, enabled=False):
            if not data['normalized']:
                clips = self.normalization(clips)
            made = {name: self.make_view(clips, name, view) for name, view in views.items()}
        return {'views': made, 'labels': data['labels']}

    def make_view(self, clips: Clips, name: str, view: BatchTransform) -> dict[str, Tensor]:
        """One view of normalised clips, by stream."""
        clips = view(clips, self.progress.generator(clips.device, f'view {name}'))
        return {stream: derive_stream(clips, stream) for stream in self.streams}


def build_preprocessor(
    config: Mapping | None, streams: Sequence[str], views: Sequence[str]
) -> SkeletonPreprocessor:
    """Build the data preprocessor of a model.

    Args:
        config: Its config. Where it names no streams it gets the model's, so that a config sets
            them in one place; None for a preprocessor without any transforms.
        streams: Names of the streams that the model sees.
        views: Names of the training views that the model sees.

    Raises:
        ValueError: if the preprocessor makes other streams or training views than the model needs,
            or a view that nothing looks at.
    """
    config = dict(config or {'type': 'SkeletonPreprocessor'})
    if config.get('streams') is None:
        config['streams'] = tuple(streams)
    # By our registry, so that it is found without mmengine's default scope as well.
    preprocessor = MODELS.build(config)
    made = {'streams': preprocessor.streams, 'views': preprocessor.views}
    for kind, needed in (('streams', streams), ('views', views)):
        # One that makes no training views at all serves evaluation.
        if made[kind] and not set(needed) <= set(made[kind]):
            raise ValueError(
                f'the model has {kind} {list(needed)}; data_preprocessor has {list(made[kind])}'
            )
    unread = [view for view in preprocessor.views if view not in views]
    if unread:
        raise ValueError(
            f'the model has views {list(views)}; data_preprocessor.views makes {unread[0]!r}, '
            f'which nothing looks at{suggestion(unread[0], views, listed=False)}'
        )
    return preprocessor
