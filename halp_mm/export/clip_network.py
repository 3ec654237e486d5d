"""A model as one function of tensors: raw clips to features and probabilities."""

from __future__ import annotations

from torch import Tensor, nn

from halp_mm.models import InferenceModel
from halp_mm.skeletons import Clips, SkeletonLayout


class ClipNetwork(nn.Module):
    """The whole way from raw coordinates to answers, as an evaluation goes it.

    Clips are normalised, brought into the evaluation view, turned into streams and encoded. All of
    this is tensor operations, which an exporter can follow.

    Args:
        model: The model, in evaluation mode.
        layout: The layout of raw clips.

    Raises:
        ValueError: if the normalisation or the evaluation view draws random numbers.
    """

    def __init__(self, model: InferenceModel, layout: SkeletonLayout) -> None:
        super().__init__()
        preprocessor = model.data_preprocessor
        for name in ('normalization', 'evaluation_view'):
            if getattr(preprocessor, name).is_random:
                raise ValueError(
                    f'{name} draws random numbers, so an exported file would differ from the '
                    'model. Use a deterministic one'
                )
        self.model = model
        self.layout = layout

    @property
    def output_names(self) -> list[str]:
        """The names of what :meth:`forward` returns, in its order."""
        features = [f'features_{stream}' for stream in self.model.encoders]
        return (['probabilities'] if self.model.classifiers else []) + features

    def forward(self, clips: Tensor, num_frames: Tensor) -> tuple[Tensor, ...]:
        """Encode clips, and classify them if the model has classifiers.

        Args:
            clips: ``[N, M, T, V, C]``, padded with zeros.
            num_frames: The length of each clip, integer ``[N]``.

        Returns:
            The probabilities ``[N, classes]`` if the model has classifiers, then the features
            ``[N, D]`` of each stream; see :attr:`output_names`.
        """
        preprocessor = self.model.data_preprocessor
        normalized = preprocessor.normalization(Clips(clips, num_frames, self.layout))
        streams = preprocessor.derive_streams(preprocessor.evaluation_view(normalized))
        features = self.model({'clip': streams})
        if self.model.classifiers:
            return (self.model.probabilities(features), *features.values())
        return tuple(features.values())
