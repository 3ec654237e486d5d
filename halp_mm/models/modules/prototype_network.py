"""Similarities to learned prototypes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
from halp_mm.registry import MODELS


class PrototypeNetwork(BaseModule):
    """A projector, and prototypes of unit length to whose directions its outputs are compared.

    Source: DINO (Caron et al., ICCV 2021), its projection head.

    Args:
        in_dim: Length of the inputs.
        num_prototypes: K, the number of prototypes.
        projector: Config of the projector, without ``in_dim``; its outputs should have unit length.
    """

    def __init__(self, in_dim: int, num_prototypes: int, projector: Mapping) -> None:
        super().__init__()
        check_count(num_prototypes=num_prototypes)
        self.projector = MODELS.build({**projector, 'in_dim': in_dim})
        self.prototypes = nn.Linear(self.projector.out_dim, num_prototypes, bias=False)

    def forward(self, features: Tensor, fixed: bool = False) -> Tensor:
        """Compare features ``[N, in_dim]`` with the prototypes: ``[N, K]``.

        Args:
            features: The features.
            fixed: Whether the prototypes' gradient is zero.
        """
        prototypes = F.normalize(self.prototypes.weight, dim=1)
        if fixed:
            prototypes = prototypes.detach() + 0 * prototypes
        projected = self.projector(features)
        # Similarities keep full precision, whatever the precision of the network.
        with torch.autocast(projected.device.type, enabled=False):
            return projected @ prototypes.T
