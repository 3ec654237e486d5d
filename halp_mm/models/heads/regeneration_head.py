"""Regeneration of a clip from its feature by a decoder that is kept weak."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_flag
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


class RegenerationDecoder(nn.Module):
    """A GRU that starts from a clip's feature and emits the clip's frames one after the other.

    Args:
        feature_dim: Length D of a feature, and the number of the GRU's units.
        frame_dim: Number of coordinates of a frame.
    """

    def __init__(self, feature_dim: int, frame_dim: int) -> None:
        super().__init__()
        self.cell = nn.GRU(frame_dim, feature_dim, batch_first=True)
        self.output = nn.Linear(feature_dim, frame_dim)

    def from_fixed_state(self, feature: Tensor, first_frame: Tensor, num_frames: int) -> Tensor:
        """Add to each frame what the GRU makes of it, always starting from the feature.

        Args:
            feature: ``[N, D]``.
            first_frame: ``[N, F]``.
            num_frames: Number of frames to emit, T.

        Returns:
            The frames that follow the first, ``[N, T, F]``.
        """
        frame, frames = first_frame, []
        for _ in range(num_frames):
            hidden, _ = self.cell(frame[:, None], feature[None])
            frame = frame + self.output(hidden[:, 0])
            frames.append(frame)
        return torch.stack(frames, 1)

    def from_zeros(self, feature: Tensor, num_frames: int) -> Tensor:
        """Let the GRU run on from the feature without any input: ``[N, D]`` to ``[N, T, F]``."""
        nothing = feature.new_zeros(len(feature), num_frames, self.cell.input_size)
        return self.output(self.cell(nothing, feature[None])[0])


@MODELS.register_module()
class RegenerationHead(StreamHead):
    """Regenerate a clip from its feature, so that the feature must hold the action.

    The decoder is kept weak in one of two ways. With a fixed state, it forgets everything but the
    feature before each frame, and predicts the next frame from the one it has emitted. With fixed
    weights, it stays at its random initialisation and gets no input; only the encoder learns.

    The loss is the L1 distance of frames, summed over coordinates and averaged over the frames in
    which somebody is seen. The decoder is larger than the encoder's GRUs, since its state is the
    feature.

    Source: Predict & Cluster (Su et al., CVPR 2020), Sec. 3, and its first release.

    Args:
        fixed: ``'state'`` or ``'weights'``.
        view: Name of the view that is encoded and regenerated.
        as_released: Whether to repeat what the later PyTorch release does. There, output t is
            compared with frame t although it continues frame t; frames that show nobody count
            towards the sum but not towards the number of frames; and the weights do train.
    """

    def __init__(
        self, fixed: str = 'weights', view: str = 'clean', as_released: bool = False
    ) -> None:
        super().__init__()
        check_choice(['state', 'weights'], fixed=fixed)
        check_flag(as_released=as_released)
        self.fixed = fixed
        self.view = view
        self.as_released = as_released
        self.reads = Reads(clips=frozenset([view]), features=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the decoder of each stream."""
        self.decoders = ModuleDict()
        for stream, network in networks.items():
            encoder = network.encoder
            if encoder.num_people is None:
                raise ValueError(
                    f'RegenerationHead regenerates clips of a fixed number of people; '
                    f'{type(encoder).__name__} takes any number. Use a recurrent encoder'
                )
            frame_dim = encoder.num_people * encoder.layout.num_joints * encoder.num_channels
            decoder = RegenerationDecoder(encoder.feature_dim, frame_dim)
            decoder.requires_grad_(self.fixed == 'state' or self.as_released)
            self.decoders[stream] = decoder

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``."""
        frames = outputs.clips[self.view].transpose(1, 2).flatten(2)  # [N, T, M * V * C]
        feature = outputs.features[self.view].to(frames.dtype).contiguous()
        decoder, num_frames = self.decoders[outputs.stream], frames.shape[1]
        is_seen = frames.any(-1)
        target = frames
        if self.fixed == 'weights':
            regenerated = outputs.run(decoder.from_zeros, feature, num_frames)
        elif self.as_released:
            regenerated = outputs.run(decoder.from_fixed_state, feature, frames[:, 0], num_frames)
        else:
            regenerated = outputs.run(
                decoder.from_fixed_state, feature, frames[:, 0], num_frames - 1
            )
            target, is_seen = frames[:, 1:], is_seen[:, 1:]
        distance = (regenerated - target).abs().sum(-1)
        if not self.as_released:
            distance = distance * is_seen
        return {'loss': (distance.sum(1) / is_seen.sum(1).clamp(min=1)).mean()}
