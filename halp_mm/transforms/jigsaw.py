"""The jigsaw over time of MS2L."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import permutations

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_count
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import RandomTransform
from halp_mm.transforms.temporal import rearrange_frames


@TRANSFORMS.register_module()
class Jigsaw(RandomTransform):
    """Cut a clip into segments of time and put them together in another order.

    All orders are equally likely, also the right one. The frames that remain after segments of
    equal length stay at the end. A clip with fewer frames than segments stays as it is.

    The draw ``permutation`` travels with the clips; a head predicts it.

    Source: MS2L (Lin et al., ACM MM 2020), Sec. 3.3, and its release.

    Args:
        num_segments: S.
    """

    def __init__(self, num_segments: int = 3) -> None:
        check_count(2, num_segments=num_segments)
        self.num_segments = num_segments

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``permutation``, the orders' positions in lexicographic order, ``[N]``."""
        number = clip_draws.randint(
            math.factorial(self.num_segments),
            len(clips),
            generator=generator,
            device=clips.device,
        )
        return {'permutation': torch.where(clips.num_frames < self.num_segments, 0, number)}

    def apply(self, clips: Clips, permutation: Tensor) -> Clips:
        """Put the segments in these orders, and record ``permutation``."""
        orders = all_orders(self.num_segments, clips.device)[permutation]  # [N, S]
        length = (clips.num_frames // self.num_segments).clamp(min=1)[:, None]
        frames = torch.arange(clips.coordinates.shape[2], device=clips.device)
        segment = frames // length
        source = orders.gather(1, segment.clamp(max=self.num_segments - 1))
        places = torch.where(segment < self.num_segments, source * length + frames % length, frames)
        return rearrange_frames(clips, places).with_draws(permutation=permutation)


@lru_cache
def all_orders(num_segments: int, device: torch.device) -> Tensor:
    """All orders of segments, ``[S!, S]``, on a device; copied there only once."""
    return torch.tensor(list(permutations(range(num_segments))), device=device)
