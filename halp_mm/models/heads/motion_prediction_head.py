"""Prediction of a clip's motion from its beginning."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.model import ModuleDict
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.frame_features import check_keeps_frames, check_mixes_joints
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


class MotionDecoder(nn.Module):
    """A GRU over the features of frames, and a linear layer to the frames' coordinates.

    Args:
        feature_dim: Length D of a frame's feature, and the number of units of a layer.
        frame_dim: Number of coordinates of a frame.
        num_layers: Number of the GRU's layers.
    """

    def __init__(self, feature_dim: int, frame_dim: int, num_layers: int) -> None:
        super().__init__()
        self.cells = nn.GRU(feature_dim, feature_dim, num_layers, batch_first=True)
        self.output = nn.Linear(feature_dim, frame_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``[N, T, D]`` to frames ``[N, T, M * V * C]``."""
        return self.output(self.cells(features)[0])


@MODELS.register_module()
class MotionPredictionHead(StreamHead):
    """Decode a whole clip from the feature map of a view that lacks its end.

    The decoder sees the encoder's outputs of every frame, also of those that are hidden, where the
    encoder had nothing to go by but what came before. The loss is the mean squared error of all
    frames, both seen and hidden. In frames where the map is zero, which are padding, nothing is
    decoded; they count as predicted without error.

    Source: MS2L (Lin et al., ACM MM 2020), Sec. 3.2, and its release.

    Args:
        view: Name of the view that lacks its end.
        target_view: Name of the view to predict, from which the other must be derived.
        num_layers: Number of layers of the decoder.
    """

    def __init__(self, view: str = 'cut', target_view: str = 'clean', num_layers: int = 2) -> None:
        super().__init__()
        check_count(num_layers=num_layers)
        self.view = view
        self.target_view = target_view
        self.num_layers = num_layers
        self.reads = Reads(clips=frozenset([target_view]), maps=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the decoder of each stream.

        Raises:
            ValueError: if an encoder's map separates people or joints.
        """
        self.decoders = ModuleDict()
        for stream, network in networks.items():
            encoder = network.encoder
            check_mixes_joints(self, encoder)
            frame_dim = encoder.num_people * encoder.layout.num_joints * encoder.num_channels
            self.decoders[stream] = MotionDecoder(encoder.map_dim, frame_dim, self.num_layers)

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``.

        Raises:
            ValueError: if the map has other frames than the clips.
        """
        clips, feature_map = outputs.clips[self.target_view], outputs.maps[self.view]
        check_keeps_frames(self, feature_map, clips)
        frames = clips.transpose(1, 2).flatten(2)  # [N, T, M * V * C]
        features = feature_map[:, 0, :, :, 0].mT.to(frames.dtype)
        decoded = outputs.run(self.decoders[outputs.stream], features.contiguous())
        decoded = decoded * features.any(-1, keepdim=True)
        return {'loss': (decoded - frames).square().mean()}
