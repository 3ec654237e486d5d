"""The preparation and the noise of single poses, of SeBiReNet."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_range
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform, RandomTransform
from halp_mm.transforms.joint_masking import rank, whole_numbers
from halp_mm.transforms.normalization import bounded, relative_to
from halp_mm.transforms.spatial import seen_joints, with_geometry


@TRANSFORMS.register_module()
class PoseStandardize(BatchTransform):
    """Subtract the layout's centre joint from each pose, and divide each clip by one number.

    The number is the root mean square of the coordinates that are not zero, over everybody, all
    joints and frames of the clip. All axes are divided by the same, so a rotated clip stays a
    rotated clip. Zeros, joints as well as people, stay zero.

    The release of SeBiReNet divides each axis by a standard deviation over its data set instead.

    Source: SeBiReNet (Nie et al., ECCV 2020), its release.
    """

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Subtract and divide; the generator is unused."""
        layout = clips.layout
        coordinates = bounded(clips).coordinates[..., : layout.dimensions]
        center = layout.index(layout.center)
        coordinates = relative_to(coordinates, coordinates[..., center : center + 1, :])
        count = seen_joints(coordinates).flatten(1).sum(1).clamp(min=1) * layout.dimensions
        scale = (coordinates.square().flatten(1).sum(1) / count).sqrt()
        scale = torch.where(scale > 0, scale, 1)[:, None, None, None, None]
        return with_geometry(clips, coordinates / scale)


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
