"""The noise of single poses, of SeBiReNet."""

from __future__ import annotations

from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_range
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import RandomTransform
from halp_mm.transforms.joint_masking import rank, whole_numbers
from halp_mm.transforms.spatial import with_geometry


@TRANSFORMS.register_module()
class PoseNoise(RandomTransform):
    """Set a few joints of every pose to zero, others in each frame and for each person.

    Source: SeBiReNet (Nie et al., ECCV 2020), Sec. 4, and its release.

    Args:
        num_joints: Range of the number of joints, drawn for each pose.
    """

    def __init__(self, num_joints: tuple[int, int] = (1, 5)) -> None:
        check_range(num_joints=num_joints)
        self.num_joints = num_joints

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``joints``, boolean ``[N, M, T, V]``."""
        size = clips.coordinates.shape[:-1]
        count, order = (
            clip_draws.rand(*size[:3], length, generator=generator, device=clips.device)
            for length in (1, size[3])
        )
        return {'joints': rank(order) < whole_numbers(count, *self.num_joints)}

    def apply(self, clips: Clips, joints: Tensor) -> Clips:
        """Set the joints to zero; frames that the batch does not have are omitted."""
        coordinates = clips.coordinates[..., : clips.layout.dimensions]
        joints = joints[:, :, : coordinates.shape[2]]
        return with_geometry(clips, coordinates.masked_fill(joints[..., None], 0))
