"""The normalisation of GL-Transformer."""

from __future__ import annotations

from torch import Generator

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.normalization import bounded, check_trunk, relative_to, turn_onto_x
from halp_mm.transforms.spatial import with_geometry


@TRANSFORMS.register_module()
class CenterTrajectory(BatchTransform):
    """Coordinates relative to each person's centre joint, in whose place the person's path stands.

    In each frame, the other joints are relative to the centre joint. The centre joint itself
    becomes relative to where it was in the first frame. Then every body is turned in each frame
    about the vertical y axis until the line from the left to the right shoulder points along x;
    the path is turned with it. Zeros, joints as well as people, stay zero.

    Source: the release of GL-Transformer (Kim et al., ECCV 2022).

    Raises:
        ValueError: if the layout is not three-dimensional, or does not say which joints are the
            shoulders.
    """

    keeps_absent_people = True
    turns_people = True

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Centre and turn; the generator is unused."""
        layout = clips.layout
        check_trunk(layout, 'CenterTrajectory', 'shoulders')
        clips = bounded(clips)
        coordinates = clips.coordinates[..., :3]
        index = layout.index(layout.center)
        center = coordinates[..., index : index + 1, :]
        path = relative_to(center, center[:, :, :1])
        coordinates = relative_to(coordinates, center)
        coordinates[..., index, :] = path[..., 0, :]
        right, left = layout.ends('shoulders')
        return with_geometry(clips, turn_onto_x(coordinates, left, right))
