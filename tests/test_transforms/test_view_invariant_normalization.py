"""ViewInvariantNormalize3D, against P&C's release and what it promises."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import ViewInvariantNormalize3D
from halp_mm.transforms.view_invariant_normalization import body_axes
from tests.helpers import DTYPES, assert_relative, random_clips, reference
from tests.test_transforms.test_normalization import clips_with_gaps, filled_slowly


def test_equals_the_release():
    vectors = reference('pc_view_invariant_released')
    coordinates = vectors['input_TD'].view(1, 1, 120, 25, 3)
    clips = Clips(coordinates, torch.tensor([120]), get_layout('kinect_v2'))
    result = ViewInvariantNormalize3D()(clips).coordinates[0, 0].flatten(1)
    # The release drops a frame with a coordinate that is exactly zero.
    kept = [t for t in range(120) if t != 5]
    assert_relative(result[kept], vectors['transformed'], 1e-12)
    assert result[5].any()


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('layout', ['kinect_v2', 'msr_action3d', 'azure_kinect', 'smpl24'])
def test_equals_a_slow_version(layout, dtype):
    clips = clips_with_gaps(dtype, layout)
    layout = clips.layout
    result = ViewInvariantNormalize3D()(clips).coordinates
    for i, frames in enumerate(clips.num_frames.tolist()):
        raw = clips.coordinates[i, :, :frames].double().numpy()
        filled = np.stack([filled_slowly(person) for person in raw])
        lower, upper, left, right = (
            filled[0, 0, layout.index(joint)] for joint in (*layout.spine, 'left_hip', 'right_hip')
        )
        axes = np.eye(3)
        if (upper - lower).any():
            z = (upper - lower) / np.linalg.norm(upper - lower)
            x = (left - right) - (left - right) @ z * z
            x /= np.linalg.norm(x)
            axes = np.stack([x, np.cross(x, z), z], 1)
        expected = np.zeros(filled.shape)
        for m, t, v in np.ndindex(filled.shape[:3]):
            if filled[m, t, v].any():
                expected[m, t, v] = np.linalg.inv(axes) @ (filled[m, t, v] - lower)
        tolerance = 1e-12 if dtype == torch.float64 else 1e-5
        np.testing.assert_allclose(result[i, :, :frames], expected, rtol=0, atol=tolerance)
        assert not result[i, :, frames:].any()


def test_every_view_gives_the_same():
    clips = random_clips((9, 6), dtype=torch.float64)
    rotation = torch.from_numpy(Rotation.from_quat([0.3, -0.5, 0.2, 0.8]).as_matrix())
    moved = clips.coordinates @ rotation + torch.tensor([1.0, -2.0, 3.0])
    moved *= clips.coordinates.any(-1, keepdim=True)
    normalize = ViewInvariantNormalize3D()
    expected = normalize(clips).coordinates
    torch.testing.assert_close(normalize(clips.with_coordinates(moved)).coordinates, expected)
    assert expected.abs().max() > 1
    tiny = normalize(clips.with_coordinates(1e-8 * moved)).coordinates
    torch.testing.assert_close(1e8 * tiny, expected)


def test_bodies_without_axes_are_not_turned():
    up = torch.tensor([[0.0, 2, 0], [0, 2, 0], [0, 0, 0], [0, 2, 0]], dtype=torch.float64)
    across = torch.tensor([[0.0, 3, 0], [0, 0, 0], [3, 0, 0], [0, 0, 3]], dtype=torch.float64)
    axes = body_axes(up, across)
    identity = torch.eye(3, dtype=torch.float64)
    assert torch.equal(axes[:3], identity.expand(3, 3, 3))
    assert torch.equal(axes[3], torch.tensor([[0.0, -1, 0], [0, 0, 1], [1, 0, 0]]).double())


def test_further_channels_are_left_alone():
    clips = random_clips((6, 5), channels=4)
    result = ViewInvariantNormalize3D()(clips).coordinates
    assert torch.equal(result[..., 3], clips.coordinates[..., 3])


@pytest.mark.parametrize(
    ('layout', 'message'),
    [
        ('coco17', "ViewInvariantNormalize3D needs a layout of 3 dimensions with spine; 'coco17'"),
        ('blazepose33', "'blazepose33' has dimensions=3, spine=None"),
        ('hand21', "with the joints left_hip and right_hip; 'hand21' has"),
    ],
)
def test_layouts_that_lack_something_are_refused(layout, message):
    with pytest.raises(ValueError, match=message):
        ViewInvariantNormalize3D()(random_clips(layout=layout))
