"""View adaptation in front of an encoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_at_least, check_choice
from halp_mm.component_building import accepted_arguments, find_component
from halp_mm.models.encoders.base import Encoder
from halp_mm.models.encoders.lstm import LSTM
from halp_mm.models.modules.moving_camera import observe
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout


class ViewAdaptation(nn.Module):
    """Two recurrent networks that choose the translation and the rotation of a virtual camera.

    Their last layers start at zero, so the first view is the sensor's.

    Source: VA-LSTM (Zhang et al., ICCV 2017), Sec. 3.1, and its release.

    Args:
        layout: Joint layout of the clips, of three dimensions.
        num_people: Number of people in a clip.
        num_channels: Number of coordinates of a joint.
        hidden_size: Number of units of each network.
        dropout: Probability of dropping an entry of their outputs.
        noise_std: Standard deviation of the noise that they see in training, on coordinates that
            are not zero; the encoder sees none.
        view_of: ``'frame'``, a view for each frame, as in VA-LSTM, or ``'clip'``, one for all
            frames of a clip, as in VA-CNN.
    """

    def __init__(
        self,
        layout: SkeletonLayout,
        num_people: int,
        num_channels: int,
        hidden_size: int,
        dropout: float,
        noise_std: float,
        view_of: str,
    ) -> None:
        super().__init__()
        check_at_least(0, noise_std=noise_std)
        check_choice(['frame', 'clip'], view_of=view_of)
        if layout.dimensions != 3 or num_channels < 3:
            raise ValueError(
                f'view adaptation needs clips of 3 dimensions; layout {layout.name!r} has '
                f'{layout.dimensions}, num_channels is {num_channels}'
            )
        self.noise_std = noise_std
        self.view_of = view_of
        self.networks: Any = nn.ModuleDict(
            {
                name: LSTM(layout, num_people, num_channels, hidden_size, dropout=dropout)
                for name in ('translation', 'rotation')
            }
        )
        self.outputs: Any = nn.ModuleDict(
            {name: nn.Linear(hidden_size, 3) for name in self.networks}
        )
        for layer in cast('Iterable[nn.Linear]', self.outputs.values()):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to clips as the chosen camera sees them."""
        view = self.choose_view(clips)
        # Coordinates keep full precision, whatever the precision of the networks.
        with torch.autocast(clips.device.type, enabled=False):
            return observe(clips, view['translation'], view['rotation'])

    def choose_view(self, clips: Tensor) -> dict[str, Tensor]:
        """Choose the ``translation`` and the ``rotation``, angles about x, y and z in radians.

        Each is ``[N, T, 3]``, or ``[N, 1, 3]`` with one view for a clip.
        """
        if self.training and self.noise_std:
            clips = clips + self.noise_std * torch.randn_like(clips) * (clips != 0)
        view = {}
        for name, network in self.networks.items():
            feature_map = network.forward_map(clips)
            if self.view_of == 'clip':
                feature = network.readout(feature_map)[:, None]
            else:
                feature = feature_map[:, 0, :, :, 0].mT
            view[name] = self.outputs[name](feature).to(clips.dtype)
        return view


@MODELS.register_module()
class ViewAdaptedEncoder(Encoder):
    """An encoder that sees clips from a camera whose pose is learnt, in each frame or clip.

    It stands in front of any encoder and is trained with it, by labels or by any pre-training
    head. For an encoder that is trained already, set ``init_cfg`` in its config.

    Source: VA-LSTM (Zhang et al., ICCV 2017), Sec. 3.1; VA-CNN (Zhang et al., TPAMI 2019).

    Args:
        encoder: Config of the encoder; it takes over layout, people and channels unless it names
            its own.
        layout: Joint layout of the clips, of three dimensions.
        num_people: Number of people in a clip; by default, that of the encoder.
        num_channels: Number of coordinates of a joint; by default, that of the encoder.
        hidden_size: Number of units of each of the two networks that choose the view.
        dropout: Probability of dropping an entry of their outputs.
        noise_std: Standard deviation of the noise that they see in training; 0.075 m in the
            release.
        view_of: ``'frame'``, a view for each frame, or ``'clip'``, one for all frames of a clip.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if the clips are not three-dimensional, or their number of people is unknown.
    """

    def __init__(
        self,
        encoder: dict,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_people: int | None = None,
        num_channels: int | None = None,
        hidden_size: int = 100,
        dropout: float = 0.5,
        noise_std: float = 0.0,
        view_of: str = 'frame',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        common = {'layout': layout, 'num_people': num_people, 'num_channels': num_channels}
        takes = accepted_arguments(find_component(encoder.get('type', ''), [MODELS])) or ()
        common = {key: value for key, value in common.items() if key in takes and value is not None}
        self.encoder: Encoder = MODELS.build({**common, **encoder})
        self.num_people = self.encoder.num_people if num_people is None else num_people
        if self.num_people is None:
            raise ValueError(
                f'ViewAdaptedEncoder: {type(self.encoder).__name__} takes clips of any number of '
                'people; set num_people to that of the clips'
            )
        self.layout = self.encoder.layout
        self.num_channels = self.encoder.num_channels
        self.feature_dim, self.map_dim = self.encoder.feature_dim, self.encoder.map_dim
        self.keeps_people = self.encoder.keeps_people
        self.keeps_joints = self.encoder.keeps_joints
        self.view_adaptation = ViewAdaptation(
            self.layout,
            self.num_people,
            self.num_channels,
            hidden_size,
            dropout,
            noise_std,
            view_of,
        )

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]``, seen by the chosen camera, to the encoder's map."""
        return self.encoder.forward_map(self.view_adaptation(clips))

    def readout(self, feature_map: Tensor) -> Tensor:
        """Map the encoder's map to its features ``[N, D]``."""
        return self.encoder.readout(feature_map)
