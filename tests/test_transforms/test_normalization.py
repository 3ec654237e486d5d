"""PreNormalize3D, against the release and against a slow version with scipy's rotations."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import (
    PreNormalize2D,
    PreNormalize3D,
    RelativeNormalize3D,
    ViewInvariantNormalize3D,
)
from halp_mm.transforms.normalization import fill_null_frames, median_where, rotation_onto
from tests.helpers import DTYPES, assert_relative, generator, random_clips, reference


def filled_slowly(person: np.ndarray) -> np.ndarray:
    """Null frames of one person ``[T, V, C]`` filled, frame by frame."""
    seen = [t for t in range(len(person)) if person[t].any()]
    if not seen:
        return person.copy()
    kept = [person[t] for t in seen] if seen[0] else [person[t] for t in range(seen[-1] + 1)]
    return np.stack([kept[t % len(kept)] for t in range(len(person))])


def rotation_slowly(vector: np.ndarray, axis: np.ndarray) -> Rotation:
    turn = np.cross(vector, axis)
    length = np.linalg.norm(vector)
    if not length or np.linalg.norm(turn) < 1e-6 * length:
        return Rotation.identity()
    angle = np.arctan2(np.linalg.norm(turn), vector @ axis)
    return Rotation.from_rotvec(angle * turn / np.linalg.norm(turn))


def normalized_slowly(
    clip: np.ndarray, layout, spine: bool, shoulders: bool, turn: str = 'first'
) -> np.ndarray:
    """One clip ``[M, T, V, 3]`` without padding, frame by frame."""
    clip = np.stack([filled_slowly(person) for person in clip])
    result = np.zeros_like(clip)
    for m in range(clip.shape[0]):
        for t in range(clip.shape[1]):
            for v in range(clip.shape[2]):
                if clip[m, t, v].any():
                    result[m, t, v] = clip[m, t, v] - clip[0, t, layout.index(layout.spine[1])]
    lines = []
    if spine:
        lines.append((layout.spine[0], layout.spine[1], np.array([0.0, 0.0, 1.0])))
    if shoulders:
        right, left = layout.shoulders
        lines.append((left, right, np.array([1.0, 0.0, 0.0])))
    pose = result[0, 0].copy() if turn == 'first' else median_slowly(result[0], clip[0])
    for start, end, axis in lines:
        rotation = rotation_slowly(pose[layout.index(end)] - pose[layout.index(start)], axis)
        pose = rotation.apply(pose)
        for m in range(clip.shape[0]):
            for t in range(clip.shape[1]):
                result[m, t] = rotation.apply(result[m, t])
    return result


def median_slowly(person: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Each coordinate's lower median over the frames ``[T, V, 3]`` whose raw joint is not zero."""
    pose = np.zeros(person.shape[1:])
    for v, c in np.ndindex(pose.shape):
        values = sorted(frame[v, c] for frame, there in zip(person, raw) if there[v].any())
        if values:
            pose[v, c] = values[(len(values) - 1) // 2]
    return pose


def clips_with_gaps(dtype: torch.dtype, layout: str = 'kinect_v2') -> Clips:
    """Everything that can be missing: late people, gaps, an end, single joints, whole people."""
    clips = random_clips((20, 13, 9, 1, 16), layout=layout, dtype=dtype)
    coordinates = clips.coordinates
    coordinates[1:, 1] = random_clips((20,) * 5, layout=layout, dtype=dtype, seed=1).coordinates[
        1:, 1
    ]
    coordinates *= clips.valid_frames()[:, None, :, None, None]
    coordinates[0, 0, 5:8] = 0  # a gap
    coordinates[0, 1, 15:] = 0  # leaves early
    coordinates[1, 0, :4] = 0  # comes late
    coordinates[1, 0, 6:9] = 0  # with a gap
    coordinates[1, 1, 1:] = 0  # one frame only
    coordinates[2, 1] = 0  # absent
    coordinates[3, 0] = 0  # the first person is absent
    coordinates[4, 0, :, 7] = 0  # a joint that was never seen
    coordinates[4, 1, ::2] = 0  # late, every other frame
    return clips


def reference_clips(num_frames=None) -> tuple[Clips, torch.Tensor]:
    vectors = reference('prenormalize_released')
    coordinates = vectors['input_NCTVM'].permute(0, 4, 2, 3, 1)
    frames = vectors['num_frames'] if num_frames is None else torch.full((3,), num_frames)
    expected = vectors['output_NCTVM'].permute(0, 4, 2, 3, 1)
    return Clips(coordinates, frames, get_layout('kinect_v2')), expected


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-5), (torch.float64, 1e-6)])
def test_equals_the_release_on_padded_clips(dtype, tolerance):
    clips, expected = reference_clips(60)
    result = PreNormalize3D()(clips.with_coordinates(clips.coordinates.to(dtype)))
    assert_relative(result.coordinates, expected, tolerance)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-5), (torch.float64, 1e-6)])
def test_equals_the_release_within_each_clip(dtype, tolerance):
    clips, expected = reference_clips()
    result = PreNormalize3D()(clips.with_coordinates(clips.coordinates.to(dtype)))
    valid = clips.valid_frames()[:, None, :, None, None]
    assert clips.num_frames.tolist() == [40, 30, 35]
    assert_relative(result.coordinates, expected * valid, tolerance)
    assert torch.equal(result.num_frames, clips.num_frames)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('layout', ['kinect_v2', 'kinect_v1', 'msr_action3d'])
@pytest.mark.parametrize(
    ('spine', 'shoulders'), [(True, True), (True, False), (False, True), (False, False)]
)
@pytest.mark.parametrize('turn', ['first', 'median'])
def test_equals_a_slow_version(layout, dtype, spine, shoulders, turn):
    clips = clips_with_gaps(dtype, layout)
    person, layout = clips.coordinates[0, 0], clips.layout
    left, upper = layout.index(layout.shoulders[1]), layout.index(layout.spine[1])
    person[2:14, left] = person[2:14, upper]  # at the centre, which is not the same as unseen
    result = PreNormalize3D(spine, shoulders, turn)(clips)
    assert result.coordinates.dtype == dtype
    for i, frames in enumerate(clips.num_frames.tolist()):
        raw = clips.coordinates[i, :, :frames].double().numpy()
        expected = torch.from_numpy(normalized_slowly(raw, clips.layout, spine, shoulders, turn))
        tolerance = 1e-12 if dtype == torch.float64 else 1e-5
        torch.testing.assert_close(
            result.coordinates[i, :, :frames].double(), expected, rtol=0, atol=tolerance
        )
        assert not result.coordinates[i, :, frames:].any()


def test_what_is_turned_can_be_chosen():
    clips = clips_with_gaps(torch.float64)
    nothing = PreNormalize3D(align_spine=False, align_shoulders=False)(clips).coordinates
    assert torch.equal(PreNormalize3D(turn=None)(clips).coordinates, nothing)
    first = PreNormalize3D()(clips).coordinates
    assert torch.equal(PreNormalize3D(turn='first')(clips).coordinates, first)
    assert not torch.allclose(PreNormalize3D(turn='median')(clips).coordinates, first)
    with pytest.raises(ValueError, match="turn must be 'first' or 'median' or None, got 'last'"):
        PreNormalize3D(turn='last')


def test_a_clip_can_have_one_center():
    clips = clips_with_gaps(torch.float64)
    upper = clips.layout.ends('spine')[1]
    result = PreNormalize3D(turn=None, center='clip')(clips).coordinates
    filled = fill_null_frames(clips).coordinates
    for i, frames in enumerate(clips.num_frames.tolist()):
        path = filled[i, 0, :frames, upper]
        path = path[path.any(-1)]
        rows = path.T.sort(-1).values
        place = rows[:, (len(path) - 1) // 2] if len(path) else torch.zeros(3)
        seen = filled[i].any(-1, keepdim=True)
        torch.testing.assert_close(result[i], (filled[i] - place) * seen, rtol=0, atol=1e-12)
    # What a body does relative to its own centre stays the same.
    turned = [PreNormalize3D(turn='median', center=center)(clips) for center in ('clip', 'frame')]
    clip, frame = (one.coordinates[0, 0, 8:, 1:] for one in turned)
    torch.testing.assert_close(clip[:, 3] - clip[:, 5], frame[:, 3] - frame[:, 5])
    with pytest.raises(ValueError, match="center must be 'frame' or 'clip', got 'person'"):
        PreNormalize3D(center='person')


@pytest.mark.parametrize('exporting', [False, True])
def test_medians_of_what_counts(exporting, monkeypatch):
    monkeypatch.setattr(torch.compiler, 'is_compiling', lambda: exporting)
    values = torch.randn(5, 8, 3, generator=generator(1))
    where = torch.rand(5, 8, 1, generator=generator(2)) < 0.6
    where[2] = False
    where[3] = True
    found = median_where(values, where, 1)
    for clip, counts, medians in zip(values, where[..., 0], found):
        rows = clip[counts].T.tolist()
        expected = [sorted(row)[(len(row) - 1) // 2] if row else 0 for row in rows]
        assert medians.tolist() == expected


def test_the_median_pose_does_not_depend_on_one_bad_frame():
    layout = get_layout('kinect_v2')
    pose = random_clips((1,), people=1, dtype=torch.float64).coordinates
    coordinates = pose.repeat(1, 1, 9, 1, 1)
    clips = Clips(coordinates, torch.tensor([9]), layout)
    expected = PreNormalize3D()(clips).coordinates[:, :, 4]
    coordinates[:, :, 0] += torch.randn(25, 3, generator=generator(5), dtype=torch.float64)
    torch.testing.assert_close(PreNormalize3D(turn='median')(clips).coordinates[:, :, 4], expected)
    assert not torch.allclose(PreNormalize3D()(clips).coordinates[:, :, 4], expected)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('size', [3e38, 1e20, 1e-30])
@pytest.mark.parametrize(
    ('normalization', 'layout'),
    [
        (PreNormalize3D(), 'kinect_v2'),
        (PreNormalize3D(turn='median'), 'kinect_v2'),
        (RelativeNormalize3D(num_frames=7), 'kinect_v2'),
        (ViewInvariantNormalize3D(), 'kinect_v2'),
        (PreNormalize2D(), 'coco17'),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_finite_stays_finite(normalization, layout, size, dtype):
    for seed in range(3):
        clips = random_clips((6, 1, 4), layout=layout, dtype=dtype, seed=seed)
        huge = clips.coordinates.sign() * size
        some = torch.rand(huge.shape, generator=generator(seed)) < (0.1, 0.5, 1)[seed]
        clips = clips.with_coordinates(torch.where(some, huge, clips.coordinates))
        assert normalization(clips).coordinates.isfinite().all()


def test_what_it_promises():
    clips = random_clips((9, 14), dtype=torch.float64)
    result = PreNormalize3D()(clips).coordinates
    layout = clips.layout
    lower, upper = (layout.index(j) for j in layout.spine)
    right, left = (layout.index(j) for j in layout.shoulders)
    # The spine points along z until the shoulders are turned; these then point along x.
    spine = PreNormalize3D(align_shoulders=False)(clips).coordinates[:, 0, 0]
    line = spine[:, upper] - spine[:, lower]
    assert line[:, :2].abs().max() < 1e-12
    assert (line[:, 2] > 0).all()
    line = result[:, 0, 0, right] - result[:, 0, 0, left]
    assert line[:, 1:].abs().max() < 1e-12
    assert (line[:, 0] > 0).all()
    assert not result[:, 0, :, upper].any()
    # A rigid motion of each frame: distances between joints stay.
    distance = torch.cdist(clips.coordinates[0], clips.coordinates[0])
    torch.testing.assert_close(torch.cdist(result[0], result[0]), distance)


def test_zero_joints_stay_zero():
    clips = random_clips((6, 6))
    clips.coordinates[0, 0, :, 9] = 0
    clips.coordinates[0, 1, 2, 11] = 0
    result = PreNormalize3D()(clips).coordinates
    assert not result[0, 0, :, 9].any()
    assert not result[0, 1, 2, 11].any()


@pytest.mark.parametrize('dtype', DTYPES)
def test_all_zero_clip_stays_zero(dtype):
    clips = random_clips((6, 5), dtype=dtype)
    clips.coordinates[1] = 0
    result = PreNormalize3D()(clips).coordinates
    assert result.isfinite().all()
    assert not result[1].any()
    assert result[0].any()


@pytest.mark.parametrize('layout', ['coco17', 'openpose18'])
def test_flat_layouts_are_refused(layout):
    with pytest.raises(ValueError, match=f'needs a layout of 3 dimensions.*{layout!r}'):
        PreNormalize3D()(random_clips(layout=layout))


def test_layouts_without_spine_are_refused():
    layout = dict(name='bare', joints=['a', 'b'], bones=[('a', 'b')], center='a')
    with pytest.raises(ValueError, match=r"'bare' has dimensions=3, spine=None"):
        PreNormalize3D()(random_clips(layout=layout))


@pytest.mark.parametrize('turn', ['first', 'median', None])
def test_further_channels_are_left_alone(turn):
    clips = random_clips((6, 5), channels=4, dtype=torch.float64)
    plain = Clips(clips.coordinates[..., :3], clips.num_frames, clips.layout)
    normalize = PreNormalize3D(turn=turn)
    result = normalize(clips).coordinates
    assert torch.equal(result[..., 3], clips.coordinates[..., 3])
    torch.testing.assert_close(result[..., :3], normalize(plain).coordinates)


@pytest.mark.parametrize('dtype', DTYPES)
def test_fill_null_frames_equals_a_loop(dtype):
    rng = np.random.default_rng(0)
    clips = random_clips(tuple(rng.integers(1, 15, 60)), dtype=dtype)
    present = torch.rand(60, 2, clips.coordinates.shape[2], generator=generator()) < 0.5
    clips = clips.with_coordinates(clips.coordinates * present[..., None, None])
    filled = fill_null_frames(clips).coordinates
    for i, frames in enumerate(clips.num_frames.tolist()):
        for m in range(2):
            expected = filled_slowly(clips.coordinates[i, m, :frames].numpy())
            assert torch.equal(filled[i, m, :frames], torch.from_numpy(expected))
            assert not filled[i, m, frames:].any()


def test_fill_ignores_what_is_in_the_padding():
    clips = random_clips((4, 9), people=1)
    poisoned = clips.coordinates.clone()
    poisoned[0, :, 4:] = 7.0
    poisoned[0, :, :2] = 0
    filled = fill_null_frames(clips.with_coordinates(poisoned)).coordinates
    assert torch.equal(filled[0, :, :2], clips.coordinates[0, :, 2:4])
    assert torch.equal(filled[0, :, 2:4], clips.coordinates[0, :, 2:4])
    assert not filled[0, :, 4:].any()


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('axis', [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.6, 0.0, -0.8)])
def test_rotation_onto_equals_scipy(axis, dtype):
    vectors = torch.randn(200, 3, generator=generator(), dtype=dtype)
    axis = torch.tensor(axis, dtype=dtype)
    rotation = rotation_onto(vectors, axis)
    for vector, matrix in zip(vectors, rotation):
        expected = rotation_slowly(vector.double().numpy(), axis.double().numpy()).as_matrix()
        tolerance = 1e-5 if dtype == torch.float32 else 1e-12
        np.testing.assert_allclose(matrix.numpy(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize('dtype', DTYPES)
def test_parallel_and_zero_vectors_are_not_turned(dtype):
    axis = torch.tensor([0.0, 0.0, 1.0], dtype=dtype)
    beside = torch.tensor([1e-7, 0.0, -1.0], dtype=dtype)
    vectors = torch.stack([axis * 3, axis * 0.01, -axis, -7 * axis, 0 * axis, beside])
    assert torch.equal(rotation_onto(vectors, axis), torch.eye(3, dtype=dtype).expand(6, 3, 3))


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('sign', [1, -1])
@pytest.mark.parametrize('angle', [3e-6, 1e-5, 1e-4, 3e-4, 1e-3, 1e-2])
def test_nearly_parallel_vectors_are_rotated(angle, sign, dtype):
    """A rotation must stay one close to the axis and, above all, close to its opposite."""
    axis = torch.tensor([0.0, 0.0, 1.0], dtype=dtype)
    turn = torch.linspace(0, 6, 50, dtype=dtype)
    vectors = torch.stack(
        [angle * turn.cos(), angle * turn.sin(), sign * torch.ones_like(turn)], -1
    )
    rotation = rotation_onto(2 * vectors, axis)
    identity = torch.eye(3, dtype=dtype).expand(50, 3, 3)
    torch.testing.assert_close(rotation @ rotation.mT, identity, rtol=0, atol=3e-6)
    turned = (rotation @ torch.nn.functional.normalize(vectors, dim=-1)[..., None])[..., 0]
    torch.testing.assert_close(turned, axis.expand(50, 3), rtol=0, atol=3e-6)
