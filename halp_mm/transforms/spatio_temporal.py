"""Augmentations of the coordinates that also change how they go on from frame to frame."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_at_least, check_count, check_range
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import RandomTransform
from halp_mm.transforms.spatial import seen_joints, with_geometry


@TRANSFORMS.register_module()
class GaussianNoise(RandomTransform):
    """Add noise to every coordinate of the joints that are seen.

    Joints that are zero stay zero: those of absent people, and the centre joint of clips that are
    relative to it. (The release of AimCLR gives noise to these, too.)

    Args:
        std: Standard deviation of the noise.
    """

    def __init__(self, std: float = 0.01) -> None:
        check_at_least(0, std=std)
        self.std = std

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``noise`` ``[N, M, T, V, D]``."""
        size = (*clips.coordinates.shape[:-1], clips.layout.dimensions)
        noise = clip_draws.randn_of_frames(
            *size, generator=generator, device=clips.device, frame_dim=2
        )
        return {'noise': noise.mul_(self.std)}

    def apply(self, clips: Clips, noise: Tensor) -> Clips:
        """Add the noise; draws for frames that the batch does not have are ignored."""
        coordinates = clips.coordinates[..., : noise.shape[-1]]
        noise = noise[:, :, : coordinates.shape[2]]
        noise = noise * seen_joints(coordinates)[..., None]
        return with_geometry(clips, coordinates + noise)


@TRANSFORMS.register_module()
class GaussianBlur(RandomTransform):
    """Blur each joint's path over time.

    Frame t becomes the sum of the frames s within the kernel, weighted by
    exp(-(t - s)^2 / (2 sigma^2)). Beyond a clip's ends, where a person is absent, and where a
    joint is zero, there is nothing to add: what is near fades. Joints that are zero stay zero.

    As in the release of AimCLR, weights do not add up to 1 but to about 2.5 sigma, once sigma is
    above 0.5 frames: the body grows as well. With ``normalize`` it keeps its size.

    Args:
        kernel_size: How many frames a frame is made of, itself in the middle.
        sigma: Range of sigma, in frames; one draw a clip.
        normalize: Whether to divide by the sum of the weights of all frames in the clip.
    """

    def __init__(
        self,
        kernel_size: int = 15,
        sigma: tuple[float, float] = (0.1, 2.0),
        normalize: bool = False,
    ) -> None:
        check_count(kernel_size=kernel_size)
        if kernel_size % 2 == 0:
            raise ValueError(f'kernel_size must be an odd number of frames, got {kernel_size}')
        check_range(sigma=sigma)
        if sigma[0] <= 0:
            raise ValueError(f'sigma must be a range above 0, got {sigma}')
        self.kernel_size = kernel_size
        self.sigma = sigma
        self.normalize = normalize

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``sigma`` ``[N]``."""
        low, high = self.sigma
        uniform = clip_draws.rand(len(clips), generator=generator, device=clips.device)
        return {'sigma': low + (high - low) * uniform}

    def apply(self, clips: Clips, sigma: Tensor) -> Clips:
        """Multiply each joint's path with its clip's matrix of weights ``[T, T]``."""
        coordinates = clips.coordinates[..., : clips.layout.dimensions]
        weights = self.weights(clips, sigma.to(coordinates.dtype))
        blurred = (weights[:, None] @ coordinates.flatten(3)).view(coordinates.shape)
        return with_geometry(clips, blurred.mul_(seen_joints(coordinates)[..., None]))

    def weights(self, clips: Clips, sigma: Tensor) -> Tensor:
        """What each frame of a clip gets from each frame of the clip: ``[N, T, T]``."""
        frames = torch.arange(clips.coordinates.shape[2], device=clips.device, dtype=sigma.dtype)
        distance = frames[:, None] - frames
        weights = (-0.5 * (distance / sigma[:, None, None]).square()).exp()
        used = (distance.abs() <= self.kernel_size // 2) & clips.valid_frames()[:, None]
        weights = weights * used
        if self.normalize:
            # In padding there may be no weight at all, and nothing that it would be given to.
            weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-12)
        return weights
