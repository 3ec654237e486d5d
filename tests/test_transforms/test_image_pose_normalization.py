"""PreNormalize2D, against a slow version and what it promises."""

import numpy as np
import pytest
import torch

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import PreNormalize2D
from tests.helpers import DTYPES, random_clips
from tests.test_transforms.test_normalization import clips_with_gaps, filled_slowly

HAND = {**get_layout('hand21').to_dict(), 'name': 'flat_hand', 'dimensions': 2}
TRUNK = ('left_shoulder', 'right_shoulder', 'left_hip', 'right_hip')


def name_of(layout):
    return get_layout(layout).name


def lower_median(values):
    return sorted(values)[(len(values) - 1) // 2] if len(values) else 0.0


def normalized_slowly(clip, layout, score, min_score):
    """One clip ``[M, T, V, C]`` without padding, frame by frame."""
    clip = np.stack([filled_slowly(person) for person in clip])
    has_score = clip.shape[-1] > 2
    tracked = clip[..., :2].any(-1)
    if has_score:
        tracked &= clip[..., 2] > min_score
    has_trunk = set(TRUNK) <= set(layout.joints)
    joints = [layout.index(joint) for joint in (TRUNK if has_trunk else [layout.center])]
    first, seen = clip[0, ..., :2], tracked[0]
    centers = {}
    for t in range(len(first)):
        there = [first[t, v] for v in joints if seen[t, v]]
        if there:
            centers[t] = np.mean(there, 0)
    middle = [lower_median([center[c] for center in centers.values()]) for c in range(2)]
    lengths = [
        np.linalg.norm(first[t, a] - first[t, b])
        for t in range(len(first))
        for a, b in layout.bone_indices
        if seen[t, a] and seen[t, b]
    ]
    trunks = [
        np.linalg.norm(first[t, joints[:2]].mean(0) - first[t, joints[2:]].mean(0))
        for t in range(len(first))
        if has_trunk and seen[t, joints].all()
    ]
    size = lower_median(trunks) or lower_median(lengths) or 1.0
    result = clip.copy()
    for m, t, v in np.ndindex(clip.shape[:3]):
        kept = tracked[m, t, v] if score == 'mask' else clip[m, t, v, :2].any()
        result[m, t, v, :2] = (clip[m, t, v, :2] - centers.get(t, middle)) / size * kept
    return np.delete(result, 2, -1) if has_score and score == 'mask' else result


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('layout', ['coco17', 'openpose25', 'coco_wholebody65', HAND], ids=name_of)
@pytest.mark.parametrize(
    ('channels', 'score', 'min_score'),
    [(2, 'keep', 0.0), (2, 'mask', 0.25), (3, 'keep', 0.0), (3, 'mask', 0.25), (4, 'mask', 0.0)],
)
def test_equals_a_slow_version(layout, dtype, channels, score, min_score):
    clips = clips_with_gaps(dtype, layout)
    coordinates = torch.cat([clips.coordinates] * 2, -1)[..., :channels]
    coordinates[..., :2] *= 100
    coordinates[0, 0, 3, 5, 2:3] = min_score  # which is not more than that
    coordinates[0, 0, 4, 5, :2] = 0  # a place that nobody has, whatever its score
    clips = clips.with_coordinates(coordinates)
    result = PreNormalize2D(score, min_score)(clips).coordinates
    assert result.dtype == dtype
    for i, frames in enumerate(clips.num_frames.tolist()):
        raw = clips.coordinates[i, :, :frames].double().numpy()
        expected = normalized_slowly(raw, clips.layout, score, min_score)
        tolerance = 1e-11 if dtype == torch.float64 else 1e-3
        np.testing.assert_allclose(result[i, :, :frames], expected, rtol=1e-4, atol=tolerance)
        assert not result[i, :, frames:].any()


@pytest.mark.parametrize('layout', ['coco17', 'halpe26', HAND], ids=name_of)
def test_place_and_size_in_the_image_do_not_matter(layout):
    clips = random_clips((9, 6), layout=layout, channels=2, dtype=torch.float64)
    moved = (250 * clips.coordinates + torch.tensor([640.0, 360.0])) * clips.coordinates.any(
        -1, keepdim=True
    )
    expected = PreNormalize2D()(clips).coordinates
    torch.testing.assert_close(
        PreNormalize2D()(clips.with_coordinates(moved)).coordinates, expected
    )
    assert expected.abs().max() > 0.5


def test_the_trunk_is_one_unit_long_whatever_a_few_frames_say():
    pose = random_clips((1,), layout='coco17', channels=2, people=1, dtype=torch.float64)
    coordinates = pose.coordinates.repeat(1, 1, 9, 1, 1)
    coordinates[:, :, 2:5] *= 50  # frames in which the tracker fails
    clips = Clips(coordinates, torch.tensor([9]), pose.layout)
    result = PreNormalize2D()(clips).coordinates[0, 0, 8]
    shoulders, hips = result[5:7].mean(0), result[11:13].mean(0)
    torch.testing.assert_close((shoulders - hips).norm(), torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(shoulders, -hips)


def test_a_body_without_hips_is_centred_on_its_centre_joint():
    bust = dict(
        name='bust',
        joints=['neck', 'left_shoulder', 'right_shoulder', 'head'],
        bones=[['neck', 'left_shoulder'], ['neck', 'right_shoulder'], ['neck', 'head']],
        center='neck',
        dimensions=2,
    )
    pose = torch.tensor([[4.0, 4.0], [1.0, 4.0], [8.0, 4.0], [4.0, 2.0]])  # bones of 3, 4 and 2
    clips = Clips(pose.view(1, 1, 1, 4, 2), torch.tensor([1]), get_layout(bust))
    assert torch.equal(PreNormalize2D()(clips).coordinates[0, 0, 0] * 3, pose - pose[0])


def test_nobody_stays_nobody():
    clips = random_clips((6, 5), layout='coco17', channels=3)
    clips.coordinates[1] = 0
    result = PreNormalize2D()(clips).coordinates
    assert result.isfinite().all()
    assert not result[1].any()


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"PreNormalize2D has score='drop'; expected 'keep' or"):
        PreNormalize2D('drop')
    with pytest.raises(ValueError, match=r"2 dimensions; 'kinect_v2' has 3\. Use PreNormalize3D"):
        PreNormalize2D()(random_clips())
