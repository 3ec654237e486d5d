"""What the encoders have in common that see a frame as one vector of all people and joints."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from halp_mm.argument_checks import check_count
from halp_mm.models.encoders.base import Encoder
from halp_mm.skeletons import SkeletonLayout, get_layout


class SequenceEncoder(Encoder):
    """A recurrent network over frames, each a vector of all people's coordinates.

    Args:
        layout: Joint layout of the clips.
        num_people: Number of people in a clip.
        num_channels: Number of coordinates of a joint.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if an argument is out of range.
    """

    keeps_people = False
    keeps_joints = False
    num_people: int

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout,
        num_people: int,
        num_channels: int,
        init_cfg: dict | None,
    ) -> None:
        super().__init__(init_cfg)
        check_count(num_people=num_people, num_channels=num_channels)
        self.layout = get_layout(layout)
        self.clip_shape = (num_people, self.layout.num_joints, num_channels)
        self.num_people = num_people
        self.num_channels = num_channels

    @property
    def frame_size(self) -> int:
        """Number of coordinates of a frame."""
        people, joints, channels = self.clip_shape
        return people * joints * channels

    def check_clips(self, clips: Tensor) -> None:
        """Raise a ValueError if clips differ from the encoder in people, joints or coordinates."""
        people, _, joints, channels = clips.shape[1:]
        if (people, joints, channels) != self.clip_shape:
            raise ValueError(
                f'{type(self).__name__} was built for clips of (people, joints, coordinates) = '
                f'{self.clip_shape}, found {(people, joints, channels)}; set layout, num_people '
                'and num_channels of model.encoder, and num_people of the dataset, to agree'
            )
