"""RelativeNormalize3D, against the release and against a slow version with scipy's rotations."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import RelativeNormalize3D, crop_resize
from halp_mm.transforms.normalization import frames_until_last_seen
from tests.helpers import DTYPES, assert_relative, clip_of, random_clips, reference


def by_person(array: torch.Tensor) -> torch.Tensor:
    return array.permute(0, 4, 2, 3, 1)


def reference_clips(num_frames: list[int] | None = None) -> Clips:
    coordinates = by_person(reference('relative_resize50_released')['input_NCTVM'])
    lengths = torch.tensor(num_frames or [coordinates.shape[2]] * len(coordinates))
    return Clips(coordinates, lengths, get_layout('kinect_v2'))


def normalized_slowly(clip: np.ndarray, layout, num_frames: int, turn: bool) -> np.ndarray:
    """One clip ``[M, T, V, 3]`` without padding, frame by frame."""
    seen = [t for t in range(clip.shape[1]) if clip[:, t].any()]
    length = seen[-1] + 1 if seen else clip.shape[1]
    people, _, joints, _ = clip.shape
    places = (np.arange(num_frames) + 0.5) * length / num_frames - 0.5
    result = np.zeros((people, num_frames, joints, 3))
    right, left = (layout.index(joint) for joint in layout.shoulders)
    for m in range(people):
        for v in range(joints):
            for c in range(3):
                result[m, :, v, c] = np.interp(places, np.arange(length), clip[m, :length, v, c])
        for t in range(num_frames):
            center = result[m, t, layout.index(layout.center)].copy()
            for v in range(joints):
                if result[m, t, v].any():
                    result[m, t, v] -= center
            across = result[m, t, right] - result[m, t, left]
            width = np.linalg.norm(across[[0, 2]])
            if turn and width:
                angle = np.arccos(across[0] / (width + 1e-4))
                angle = angle if across[2] >= 0 else -angle
                result[m, t] = Rotation.from_euler('y', angle).apply(result[m, t])
    return result


@pytest.mark.parametrize('lengths', [None, [40, 30]], ids=['padded', 'cut'])
@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-5), (torch.float64, 1e-5)])
def test_equals_the_release(lengths, dtype, tolerance):
    clips = reference_clips(lengths)
    result = RelativeNormalize3D()(clips.with_coordinates(clips.coordinates.to(dtype)))
    expected = by_person(reference('relative_resize50_released')['position_NCTVM'])
    assert_relative(result.coordinates, expected, tolerance)
    assert result.coordinates.dtype == dtype
    assert result.num_frames.tolist() == [50, 50]


def test_the_motion_of_the_release_is_that_of_raw_clips_and_of_their_end():
    """The release's motion files know nothing of the normalisation; ours is derived from the view.

    Its last frames hold the step from the last frame to the zeros behind it.
    """
    clips = reference_clips()
    step = clips.coordinates.roll(-1, 2) - clips.coordinates
    steps = clips.with_coordinates(step)
    lengths = frames_until_last_seen(clips)
    motion = crop_resize(steps, torch.zeros_like(lengths), lengths, 50).coordinates
    assert_relative(
        motion, by_person(reference('relative_resize50_released')['motion_NCTVM']), 1e-5
    )


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('layout', ['kinect_v2', 'kinect_v1', 'msr_action3d'])
@pytest.mark.parametrize('turn', [True, False])
def test_equals_a_slow_version(layout, dtype, turn):
    clips = random_clips((20, 13, 1, 9, 60), layout=layout, dtype=dtype)
    clips.coordinates[0, 0, 3:6] = 0  # a gap
    clips.coordinates[0, :, 17:] = 0  # an end without anybody
    clips.coordinates[1, 0, :4] = 0  # comes late
    clips.coordinates[3, 0, :, 9] = 0  # a joint that was never seen
    result = RelativeNormalize3D(num_frames=24, align_shoulders=turn)(clips)
    for i, frames in enumerate(clips.num_frames.tolist()):
        raw = clips.coordinates[i, :, :frames].double().numpy()
        expected = torch.from_numpy(normalized_slowly(raw, clips.layout, 24, turn))
        torch.testing.assert_close(
            result.coordinates[i].double(),
            expected,
            rtol=0,
            atol=1e-7 if dtype == torch.float64 else 2e-4,
        )


@pytest.mark.parametrize('turned', [0.0, 1.0, 2.5, -0.7, -3.1])
def test_bodies_face_the_same_way_however_they_stood(turned):
    clips = random_clips((8,), dtype=torch.float64, people=1)
    rotation = torch.from_numpy(Rotation.from_euler('y', turned).as_matrix())
    moved = clips.with_coordinates(clips.coordinates @ rotation.T + torch.tensor([1.0, 2.0, 3.0]))
    result = RelativeNormalize3D(num_frames=8)(clips).coordinates
    assert_relative(RelativeNormalize3D(num_frames=8)(moved).coordinates, result, 0.05)
    right, left = (clips.layout.index(joint) for joint in clips.layout.shoulders)
    across = result[..., right, :] - result[..., left, :]
    assert (across[..., 0] > 0).all()
    assert (across[..., 2].abs() < 0.05 * across[..., 0]).all()
    assert not result[..., clips.layout.index(clips.layout.center), :].any()


def test_a_clip_alone_or_in_a_batch():
    clips = random_clips((20, 13, 1))
    together = RelativeNormalize3D()(clips).coordinates
    alone = [RelativeNormalize3D()(clip_of(clips, i)).coordinates for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize('dtype', DTYPES)
def test_nobody_stays_nobody(dtype):
    clips = random_clips((6, 5), dtype=dtype)
    clips.coordinates[1] = 0
    result = RelativeNormalize3D()(clips).coordinates
    assert result.isfinite().all()
    assert not result[1].any()
    assert result[0].any()
    assert not RelativeNormalize3D()(random_clips((3, 3))).coordinates[1, 1].any()


def test_shoulders_above_each_other_are_not_turned():
    clips = random_clips((3,), people=1)
    right, left = (clips.layout.index(joint) for joint in clips.layout.shoulders)
    clips.coordinates[..., right, :] = clips.coordinates[..., left, :] + torch.tensor([0, 1.0, 0])
    turned = RelativeNormalize3D(3)(clips).coordinates
    assert torch.equal(turned, RelativeNormalize3D(3, align_shoulders=False)(clips).coordinates)


def test_what_lies_in_the_padding_does_not_matter():
    clips = random_clips((4, 9), people=1)
    poisoned = clips.coordinates.clone()
    poisoned[0, :, 4:] = 7
    result = RelativeNormalize3D()(clips.with_coordinates(poisoned)).coordinates
    assert torch.equal(result, RelativeNormalize3D()(clips).coordinates)


def test_further_channels_are_resized_only():
    clips = random_clips((6, 5), channels=4, dtype=torch.float64)
    result = RelativeNormalize3D(6)(clips).coordinates
    torch.testing.assert_close(result[0, ..., 3], clips.coordinates[0, ..., 3])


@pytest.mark.parametrize('layout', ['coco17', 'openpose18'])
def test_flat_layouts_are_refused(layout):
    with pytest.raises(ValueError, match=f'needs a layout of 3 dimensions.*{layout!r}'):
        RelativeNormalize3D()(random_clips(layout=layout))


def test_a_clip_ends_with_the_last_frame_in_which_anybody_is_seen():
    clips = random_clips((9, 9), dtype=torch.float64, seed=3)
    clips.coordinates[0, 0, 4:] = 0
    clips.coordinates[0, 1, 7:] = 0
    clips.coordinates[1, 0, 5:] = 0
    assert frames_until_last_seen(clips).tolist() == [7, 5]
