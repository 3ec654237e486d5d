"""AimCLR's energy-based attention-guided drop: feature maps without what stands out in them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_positive
from halp_mm.models.modules.gathering import mean_over_ranks
from halp_mm.registry import MODELS

#: The attention of an entry that equals the mean: none is lower.
MIN_ATTENTION = 1 / (1 + math.exp(-0.5))


@MODELS.register_module()
class EnergyAttentionDrop(nn.Module):
    """Set to zero what draws attention in a feature map, and scale up the rest.

    An entry's attention is the higher, the further it is from its channel's mean over frames and
    joints. A spatial and a temporal mask drop where attention reaches the margin; each is followed
    by a scaling with count / count of ones. Every person of every clip is a feature map of its
    own. There are no parameters, masks have no gradient, and any encoder's map will do.

    The paper leaves open what the masks are; the release decides:

    ================  ==========================================  ===============================
    .                 ``'release'``                               ``'paper'``
    ================  ==========================================  ===============================
    variance          over N - 1                                  over N (Eq. 3)
    spatial mask      a joint, by its mean over channel and       the same
                      frame
    temporal mask     an entry (channel, frame, joint), by its    a frame, by its mean over
                      own attention                               channel and joint
    count of ones     over the batch of all ranks                 a feature map's own (Alg. 1)
    ================  ==========================================  ===============================

    A mask that would drop everything drops nothing. That needs a margin below sigmoid(0.75) =
    0.679, which the mean attention of a map cannot exceed. Without a variance, as in a map of a
    single entry or of equal ones, attention is at its least and all is kept.

    Source: AimCLR (Guo et al., AAAI 2022), Eq. (3), Alg. 1, and its release.

    Args:
        keep_margin: Attention from which on is dropped. Attention is at least sigmoid(0.5) =
            0.622, so that is the lower limit, and below 1, so 1 keeps everything.
        regularizer: Added to the variance, lambda in Eq. (3).
        variant: ``'release'`` or ``'paper'``.

    Raises:
        ValueError: if the margin would drop or mean nothing, or the variant is unknown.

    Example:
        >>> drop = EnergyAttentionDrop(keep_margin=0.7)
        >>> drop(torch.randn(8, 2, 256, 13, 25)).shape
        torch.Size([8, 2, 256, 13, 25])
    """

    def __init__(
        self, keep_margin: float = 0.7, regularizer: float = 1e-4, variant: str = 'release'
    ) -> None:
        super().__init__()
        if not MIN_ATTENTION < keep_margin <= 1:
            raise ValueError(
                f'keep_margin={keep_margin}, but attention lies between sigmoid(0.5) = '
                f'{MIN_ATTENTION:.4f}, where a margin would drop everything, and 1, where it '
                'drops nothing; choose one between, such as 0.7'
            )
        check_positive(regularizer=regularizer)
        check_choice(['release', 'paper'], variant=variant)
        self.keep_margin = keep_margin
        self.regularizer = regularizer
        self.variant = variant

    def forward(self, feature_map: Tensor) -> Tensor:
        """A map ``[N, M, D, T, V]`` to one of the same shape with dropped entries."""
        if self.keep_margin == 1:  # where attention rounds to 1 it would be dropped
            return feature_map
        return feature_map * self.factors(feature_map)

    @torch.no_grad()
    def factors(self, feature_map: Tensor) -> Tensor:
        """What the map is multiplied with: 0 where dropped; broadcasts to ``[N, M, D, T, V]``."""
        attention = self.attention(feature_map)
        spatial = attention.mean((2, 3), keepdim=True) < self.keep_margin
        if self.variant == 'release':
            temporal = attention < self.keep_margin
            count_over = (0, 1, 2, 3, 4)
        else:
            temporal = attention.mean((2, 4), keepdim=True) < self.keep_margin
            count_over = (2, 3, 4)
        masks = (self.rescaled(mask, count_over, attention.dtype) for mask in (spatial, temporal))
        return math.prod(masks).to(feature_map.dtype)

    def attention(self, feature_map: Tensor) -> Tensor:
        """The attention sigmoid(1 / e) of each entry: ``[N, M, D, T, V]``, at least float32."""
        feature_map = feature_map.to(torch.promote_types(feature_map.dtype, torch.float32))
        squared = (feature_map - feature_map.mean((3, 4), keepdim=True)).square()
        count = squared.shape[3] * squared.shape[4]
        if self.variant == 'release':
            count = max(count - 1, 1)
        variance = squared.sum((3, 4), keepdim=True) / count
        return torch.sigmoid(squared / (4 * (variance + self.regularizer)) + 0.5)

    def rescaled(self, mask: Tensor, dims: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A mask times count / count of ones, both over ``dims``; without ones, all ones instead.

        Counts over the batch are, in training, over the batches of all ranks.
        """
        kept = mask.to(dtype)
        share = kept.mean(dims, keepdim=True)
        if self.training and 0 in dims:
            share = mean_over_ranks(share)
        return torch.where(share > 0, kept / share, 1.0)
