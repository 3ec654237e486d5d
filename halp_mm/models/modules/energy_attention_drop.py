"""AimCLR's energy-based attention-guided drop of the salient entries of feature maps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_positive
from halp_mm.models.modules.gathering import mean_over_ranks
from halp_mm.registry import MODELS

#: The attention of an entry that equals the mean, which is the minimum.
MIN_ATTENTION = 1 / (1 + math.exp(-0.5))


@MODELS.register_module()
class EnergyAttentionDrop(nn.Module):
    """Set the entries of a feature map with high attention to zero, and scale up the rest.

    An entry's attention grows with its distance from its channel's mean over frames and joints. A
    spatial and a temporal mask drop entries where attention reaches the margin. Each mask is
    scaled by count / count of ones. Every person of every clip is a separate feature map. The
    module has no parameters, masks have no gradient, and the map of any encoder is accepted.

    The paper does not specify the masks; the release does:

    ================  ==========================================  ===============================
    .                 ``'release'``                               ``'paper'``
    ================  ==========================================  ===============================
    variance          over N - 1                                  over N (Eq. 3)
    spatial mask      a joint, by its mean over channel and       the same
                      frame
    temporal mask     an entry (channel, frame, joint), by its    a frame, by its mean over
                      own attention                               channel and joint
    count of ones     over the batch of all ranks                 per feature map (Alg. 1)
    ================  ==========================================  ===============================

    A mask that would drop everything drops nothing. This can only happen with a margin below
    sigmoid(0.75) = 0.679, which the mean attention of a map cannot exceed. A map without variance,
    such as one with a single entry or equal entries, has minimal attention and is kept.

    Source: AimCLR (Guo et al., AAAI 2022), Eq. (3), Alg. 1, and its release.

    Args:
        keep_margin: Threshold of the attention; entries that reach it are dropped. It must be
            above the minimal attention, sigmoid(0.5) = 0.622. 1 keeps everything.
        regularizer: lambda in Eq. (3), added to the variance.
        variant: ``'release'`` or ``'paper'``.

    Raises:
        ValueError: if the margin or the regularizer is out of range, or the variant is unknown.

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
                f'keep_margin={keep_margin}; expected more than sigmoid(0.5) = '
                f'{MIN_ATTENTION:.4f}, which would drop everything, and at most 1, which drops '
                'nothing; choose a value between them, such as 0.7'
            )
        check_positive(regularizer=regularizer)
        check_choice(['release', 'paper'], variant=variant)
        self.keep_margin = keep_margin
        self.regularizer = regularizer
        self.variant = variant

    def forward(self, feature_map: Tensor) -> Tensor:
        """Drop entries of a map ``[N, M, D, T, V]``; the shape stays the same."""
        if self.keep_margin == 1:  # attention that rounds to 1 would be dropped otherwise
            return feature_map
        return feature_map * self.factors(feature_map)

    @torch.no_grad()
    def factors(self, feature_map: Tensor) -> Tensor:
        """The factors of a map, 0 for dropped entries; broadcasts to ``[N, M, D, T, V]``."""
        attention = self.attention(feature_map)
        spatial = (attention.mean((2, 3), keepdim=True) < self.keep_margin).to(attention.dtype)
        if self.variant == 'release':
            temporal = attention.lt_(self.keep_margin)  # in place, as maps are large
            count_over: tuple[int, ...] = (0, 1, 2, 3, 4)
        else:
            temporal = attention.mean((2, 4), keepdim=True).lt_(self.keep_margin)
            count_over = (2, 3, 4)
        for mask in (spatial, temporal):
            self.rescale(mask, count_over)
        return (temporal * spatial).to(feature_map.dtype)

    def attention(self, feature_map: Tensor) -> Tensor:
        """The attention sigmoid(1 / e) of each entry, ``[N, M, D, T, V]``, at least float32."""
        feature_map = feature_map.to(torch.promote_types(feature_map.dtype, torch.float32))
        squared = (feature_map - feature_map.mean((3, 4), keepdim=True)).square_()
        count = squared.shape[3] * squared.shape[4]
        if self.variant == 'release':
            count = max(count - 1, 1)
        variance = squared.sum((3, 4), keepdim=True) / count
        return squared.div_(4 * (variance + self.regularizer)).add_(0.5).sigmoid_()

    def rescale(self, mask: Tensor, dims: tuple[int, ...]) -> None:
        """Scale a mask in place by count / count of ones, over ``dims``; all ones if it has none.

        In training, counts over the batch include the batches of all ranks.
        """
        share = mask.mean(dims, keepdim=True)
        if self.training and 0 in dims:
            share = mean_over_ranks(share)
        drops_all = share == 0
        mask.div_(share.masked_fill(drops_all, 1)).add_(drops_all)
