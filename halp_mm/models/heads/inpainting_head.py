"""Inpainting of a clip whose joints are hidden, with an adversary that knows whole clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from mmengine.dist import get_world_size
from mmengine.model import ModuleDict
from torch import Tensor, nn

from halp_mm.argument_checks import check_at_least, check_count
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, mean_over_ranks
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


class InpaintingDecoder(nn.Module):
    """A GRU that starts from a clip's feature, reads incomplete frames and emits whole ones.

    Args:
        feature_dim: Length D of a feature.
        frame_dim: Number F of coordinates of a frame.
        hidden_size: Units of a layer.
        num_layers: Number of layers.
    """

    def __init__(self, feature_dim: int, frame_dim: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.start = nn.Linear(feature_dim, num_layers * hidden_size)
        self.cells = nn.GRU(frame_dim, hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, frame_dim)

    def forward(self, feature: Tensor, frames: Tensor) -> Tensor:
        """Map features ``[N, D]`` and frames ``[N, T, F]`` to frames ``[N, T, F]``."""
        state = self.start(feature).tanh().unflatten(1, (self.cells.num_layers, -1))
        return self.output(self.cells(frames, state.transpose(0, 1).contiguous())[0])


class Discriminator(nn.Module):
    """A GRU that judges by its last state whether a clip is a recording.

    Args:
        frame_dim: Number F of coordinates of a frame.
        hidden_size: Units of a layer.
        num_layers: Number of layers.
    """

    def __init__(self, frame_dim: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.cells = nn.GRU(frame_dim, hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Map frames ``[N, T, F]`` to logits ``[N]``, positive for a recording."""
        return self.output(self.cells(frames)[1][-1])[:, 0]


@MODELS.register_module()
class InpaintingHead(StreamHead):
    """Fill in the hidden joints of a clip, given the feature of the whole clip.

    The encoder sees the whole clip and must pass on, in one vector, what is hidden from the
    decoder. The decoder's error is the mean square of the hidden coordinates. A discriminator
    learns to tell whole clips from those with filled in joints, and the decoder and encoder learn
    to mislead it::

        loss = error + adversarial_weight softplus(-D(filled in))
        loss of the discriminator = softplus(-D(whole)) + softplus(D(filled in))

    Both are minimised by one backward pass: the first has no gradient to the discriminator, the
    second none to the others. With :class:`~halp_mm.engine.SeparateOptimizers` the discriminator
    has an optimizer of its own. The masked view must be derived from the whole view, and its
    transforms must record a ``mask``. People who are not seen have no hidden joints.

    Source: LongT GAN (Zheng et al., AAAI 2018). There is no release; the README of the configs says
    which choices are this library's.

    Args:
        view: Name of the whole view, which is encoded.
        masked_view: Name of the masked view.
        adversarial_weight: Weight of the adversarial term; with 0 there is no discriminator.
        hidden_size: Units of a layer of the decoder.
        num_layers: Layers of the decoder.
        discriminator_size: Units of a layer of the discriminator.
        discriminator_layers: Layers of the discriminator.
    """

    def __init__(
        self,
        view: str = 'clean',
        masked_view: str = 'masked',
        adversarial_weight: float = 0.01,
        hidden_size: int = 800,
        num_layers: int = 2,
        discriminator_size: int = 256,
        discriminator_layers: int = 1,
    ) -> None:
        super().__init__()
        check_at_least(0, adversarial_weight=adversarial_weight)
        check_count(
            hidden_size=hidden_size,
            num_layers=num_layers,
            discriminator_size=discriminator_size,
            discriminator_layers=discriminator_layers,
        )
        self.view = view
        self.masked_view = masked_view
        self.adversarial_weight = adversarial_weight
        self.decoder_sizes = (hidden_size, num_layers)
        self.discriminator_sizes = (discriminator_size, discriminator_layers)
        self.reads = Reads(clips=frozenset([view, masked_view]), features=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the decoder and the discriminator of each stream.

        Raises:
            ValueError: if an encoder takes any number of people, who do not make a vector.
        """
        self.decoders = ModuleDict()
        self.discriminators = ModuleDict()
        for stream, network in networks.items():
            encoder = network.encoder
            if encoder.num_people is None:
                raise ValueError(
                    'InpaintingHead fills in frames of a fixed number of people; '
                    f'{type(encoder).__name__} takes any number. Use a recurrent encoder'
                )
            frame_dim = encoder.num_people * encoder.layout.num_joints * encoder.num_channels
            self.decoders[stream] = InpaintingDecoder(
                encoder.feature_dim, frame_dim, *self.decoder_sizes
            )
            if self.adversarial_weight:
                self.discriminators[stream] = Discriminator(frame_dim, *self.discriminator_sizes)

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, and ``error``, ``adversarial`` and ``discriminator``, its terms.

        Raises:
            ValueError: if the masked view's transforms record no mask.
        """
        draws = outputs.draws.get(self.masked_view, {})
        if 'mask' not in draws:
            raise ValueError(
                f'view {self.masked_view!r} has no mask to fill in; add a transform that draws '
                'one, such as SpatioTemporalMask, to its transforms'
            )
        clips = outputs.clips[self.view]
        is_hidden = draws['mask'] & clips.flatten(3).any(-1)[..., None]
        is_hidden = as_frames(is_hidden[..., None].expand_as(clips))
        whole, incomplete = as_frames(clips), as_frames(outputs.clips[self.masked_view])
        feature = outputs.features[self.view].to(clips.dtype)
        filled = outputs.run(self.decoders[outputs.stream], feature, incomplete)
        filled = filled.where(is_hidden, whole)
        # Of all ranks' batches together, once DDP has averaged the gradients.
        num_hidden = mean_over_ranks(is_hidden.sum().to(clips.dtype))
        num_hidden = num_hidden.clamp(min=1 / get_world_size())
        error = (filled - whole).square().sum() / num_hidden
        if not self.adversarial_weight:
            return {'loss': error}
        discriminate = self.discriminators[outputs.stream]
        with without_gradient(discriminate):
            adversarial = F.softplus(-outputs.run(discriminate, filled)).mean()
        judged = outputs.run(discriminate, torch.cat([whole, filled.detach()]))
        of_whole, of_filled = judged.chunk(2)
        discrimination = F.softplus(-of_whole).mean() + F.softplus(of_filled).mean()
        return {
            'loss': error + self.adversarial_weight * adversarial + discrimination,
            'error': error.detach(),
            'adversarial': adversarial.detach(),
            'discriminator': discrimination.detach(),
        }


def as_frames(clips: Tensor) -> Tensor:
    """Clips ``[N, M, T, V, C]`` as sequences of vectors ``[N, T, M * V * C]``."""
    return clips.transpose(1, 2).flatten(2)


@contextmanager
def without_gradient(module: nn.Module) -> Iterator[None]:
    """Within ``with``, what a module computes has gradients to its inputs, not its parameters."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
