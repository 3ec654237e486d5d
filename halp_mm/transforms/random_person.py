"""One person of each clip."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import RandomTransform


@TRANSFORMS.register_module()
class RandomPerson(RandomTransform):
    """Keep one person of each clip, drawn among those who are seen in it.

    Source: SLiM (arXiv 2603.10648), its release.
    """

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``person``, ``[N]``."""
        people = clips.coordinates.shape[1]
        noise = clip_draws.rand(len(clips), people, generator=generator, device=clips.device)
        is_seen = clips.present().any(-1)
        return {'person': (noise + is_seen).argmax(1)}

    def apply(self, clips: Clips, person: Tensor) -> Clips:
        """Keep these people: ``[N, 1, T, V, C]``."""
        clip = torch.arange(len(clips), device=clips.device)
        return clips.with_coordinates(clips.coordinates[clip, person][:, None])
