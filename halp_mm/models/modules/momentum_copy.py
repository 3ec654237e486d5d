"""A momentum copy of a network."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from halp_mm.argument_checks import check_fraction


class MomentumCopy(AveragedModel):
    """PyTorch's averaged model as MoCo's key encoder.

    There are two differences. An update does not read the number of updates from the device: the
    copy starts equal to the network, so the first update needs no special case. The copy keeps its
    own buffers: the key encoder's batch statistics come from the keys.

    Source: MoCo (He et al., CVPR 2020), Eq. (2).

    Args:
        network: The network to follow.
        momentum: Share of the copy that an update keeps; below 1.

    Raises:
        ValueError: if the momentum is out of range.
    """

    def __init__(self, network: nn.Module, momentum: float = 0.999) -> None:
        check_fraction(below_one=True, momentum=momentum)
        super().__init__(network, multi_avg_fn=get_ema_multi_avg_fn(momentum))
        self.requires_grad_(False)

    @torch.no_grad()
    def update_parameters(self, network: nn.Module, momentum: float | None = None) -> None:
        """Move all parameters towards the network's in one foreach operation.

        Args:
            network: The network to follow.
            momentum: Share of the copy that this update keeps; by default the one given first.
        """
        average = self.multi_avg_fn if momentum is None else get_ema_multi_avg_fn(momentum)
        assert average is not None, 'it is given when this is made'
        average(list(self.module.parameters()), list(network.parameters()), self.n_averaged)
        self.n_averaged += 1
