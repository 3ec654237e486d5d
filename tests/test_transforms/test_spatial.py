"""Augmentations within each frame, against loops, SciPy and their distributions."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.transform import Rotation

from halp_mm import waiting
from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import (
    AxisMask,
    JointCorruption,
    JointOffset,
    Rotate,
    Shear,
    SpatialFlip,
)
from halp_mm.transforms.spatial import map_joints, multiply_rows
from tests.helpers import DTYPES, generator, random_clips

THREE_JOINTS = dict(
    name='three', joints=['a', 'b', 'c'], bones=[('a', 'b'), ('b', 'c')], center='b'
)


def many(count: int, layout: str = 'kinect_v2') -> Clips:
    layout = get_layout(layout)
    shape = (count, 1, 1, layout.num_joints, 3)
    return Clips(torch.ones(shape), torch.ones(count, dtype=torch.long), layout)


@pytest.mark.parametrize(('layout', 'size'), [('kinect_v2', 3), ('coco17', 2)])
@pytest.mark.parametrize('amplitude', [1.0, 0.3])
def test_shear_matrix_distribution(layout, size, amplitude):
    matrix = Shear(amplitude).draw(many(3000, layout), generator())['matrix']
    assert matrix.shape == (3000, size, size)
    assert (matrix.diagonal(dim1=1, dim2=2) == 1).all()
    uniform = stats.uniform(-amplitude, 2 * amplitude)
    for i in range(size):
        for j in range(size):
            if i != j:
                assert stats.kstest(matrix[:, i, j].double().numpy(), uniform.cdf).pvalue > 1e-3
    off = matrix[:, ~torch.eye(size, dtype=torch.bool)].double().numpy()
    correlation = np.corrcoef(off.T) - np.eye(off.shape[1])
    assert np.abs(correlation).max() < 0.08  # 4 standard deviations


@pytest.mark.parametrize('dtype', DTYPES)
def test_shear_equals_a_loop(dtype):
    clips = random_clips(dtype=dtype)
    shear = Shear(1.0)
    matrix = shear.draw(clips, generator())['matrix']
    sheared = shear.apply(clips, matrix=matrix).coordinates
    expected = np.zeros(clips.coordinates.shape)
    values, m = clips.coordinates.double().numpy(), matrix.double().numpy()
    for index in np.ndindex(clips.coordinates.shape[:-1]):
        for i in range(3):
            for j in range(3):
                expected[(*index, j)] += values[(*index, i)] * m[index[0], i, j]
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(sheared.double(), torch.from_numpy(expected), rtol=0, atol=tolerance)
    assert sheared.dtype == dtype


@pytest.mark.parametrize(
    ('layout', 'ratio', 'count'),
    [
        ('kinect_v2', 0.6, 15),
        ('kinect_v2', 0.0, 0),
        ('kinect_v2', 1.0, 25),
        ('kinect_v2', 0.29, 7),
        ('coco17', 0.6, 10),
        ('msr_action3d', 0.6, 12),
    ],
)
def test_corruption_takes_an_exact_number_of_joints(layout, ratio, count):
    draws = JointCorruption(ratio).draw(many(500, layout), generator())
    assert draws['joints'].dtype == torch.bool
    assert (draws['joints'].sum(1) == count).all()


def test_corruption_takes_every_joint_and_pair_equally_often():
    count = 4000
    joints = JointCorruption(0.6).draw(many(count), generator())['joints'].double()
    # One joint: probability 0.6; two joints: 0.6 * 14 / 24.
    for share, probability in (
        (joints.mean(0), 0.6),
        ((joints.T @ joints / count)[~torch.eye(25, dtype=torch.bool)], 0.6 * 14 / 24),
    ):
        deviation = (probability * (1 - probability) / count) ** 0.5
        assert (share - probability).abs().max() < 4.5 * deviation


def test_corruption_is_zero_half_of_the_time():
    count = 4000
    draws = JointCorruption(0.6).draw(many(count), generator())
    matrix = draws['matrix']
    zero = ~matrix.flatten(1).any(1)
    assert stats.binomtest(int(zero.sum()), count, 0.5).pvalue > 1e-3
    for entry in matrix[~zero].flatten(1).double().numpy().T:
        assert stats.kstest(entry, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    # Which joints are taken has nothing to do with what happens to them.
    shares = draws['joints'][zero].double().mean(0) - draws['joints'][~zero].double().mean(0)
    assert shares.abs().max() < 4.5 * (0.24 * 4 / count) ** 0.5


@pytest.mark.parametrize('dtype', DTYPES)
def test_corruption_equals_a_loop(dtype):
    clips = random_clips((7, 1, 4, 5, 6, 3), dtype=dtype)
    corruption = JointCorruption(0.6)
    draws = corruption.draw(clips, generator(2))
    zero = ~draws['matrix'].flatten(1).any(1)
    assert zero.any()
    assert not zero.all()
    result = corruption.apply(clips, **draws).coordinates
    assert result.dtype == dtype
    for i in range(len(clips)):
        matrix = draws['matrix'][i].to(dtype)
        for joint in range(25):
            before, after = clips.coordinates[i, :, :, joint], result[i, :, :, joint]
            if not draws['joints'][i, joint]:
                assert torch.equal(after, before)  # bit for bit
            elif zero[i]:
                assert not after.any()
            else:
                expected = torch.stack(
                    [torch.stack([frame @ matrix for frame in person]) for person in before]
                )
                torch.testing.assert_close(after, expected, rtol=0, atol=1e-5)


def test_corruption_takes_the_same_joints_in_all_frames():
    clips = Clips(torch.ones(40, 2, 9, 25, 3), torch.full((40,), 9), get_layout('kinect_v2'))
    changed = (JointCorruption(0.6)(clips, generator()).coordinates != 1).any(-1)
    assert (changed == changed[:, :1, :1]).all()
    assert (changed[:, 0, 0].sum(1) == 15).all()


@pytest.mark.parametrize('ratio', [-0.1, 1.1])
def test_wrong_joint_ratio(ratio):
    with pytest.raises(ValueError, match='joint_ratio must be a number within'):
        JointCorruption(ratio)


@pytest.mark.parametrize('channels', [3, 4])
@pytest.mark.parametrize('scale', [1.0, 1000.0])
def test_offset_equals_a_loop(scale, channels):
    clips = random_clips((7, 1, 4), channels=channels, dtype=torch.float64)
    clips = clips.with_coordinates(clips.coordinates * scale)
    offset = JointOffset(0.3)
    drawn = offset.draw(clips, generator(3))['offset'].double()
    assert drawn.shape == (3, 2, 1, 25, 3)
    assert abs(drawn.std() - 0.3) < 0.04
    result = offset.apply(clips, drawn).coordinates
    assert torch.equal(result[..., 3:], clips.coordinates[..., 3:])  # a score is no coordinate
    for i, clip in enumerate(clips.coordinates[..., :3]):
        seen = clip.abs().sum(-1) > 0
        size = clip[seen].square().mean().sqrt()
        for m, t, v in np.ndindex(seen.shape):
            expected = clip[m, t, v] + seen[m, t, v] * drawn[i, m, 0, v] * size
            torch.testing.assert_close(result[i, m, t, v, :3], expected)


def test_no_offset_of_nobody():
    clips = random_clips((3,)).with_coordinates(torch.zeros(1, 2, 3, 25, 3))
    assert not JointOffset(0.5)(clips, generator()).coordinates.any()
    with pytest.raises(ValueError, match='std must be a finite number of at least 0'):
        JointOffset(-1)


def test_rotation_draws_one_main_axis():
    count = 6000
    rotate = Rotate(main_degrees=(5, 30), other_degrees=(0, 1))
    degrees = np.degrees(rotate.draw(many(count), generator())['angles'].double().numpy())
    assert degrees.shape == (count, 3)
    main = degrees > 2
    assert (main.sum(1) == 1).all()
    assert stats.chisquare(main.sum(0)).pvalue > 1e-3
    for axis in range(3):
        drawn = main[:, axis]
        assert stats.kstest(degrees[drawn, axis], stats.uniform(5, 25).cdf).pvalue > 1e-3
        assert stats.kstest(degrees[~drawn, axis], stats.uniform(0, 1).cdf).pvalue > 1e-3
    others = degrees[main[:, 0]][:, 1:]
    assert stats.spearmanr(*others.T).pvalue > 1e-3


@pytest.mark.parametrize('dtype', DTYPES)
def test_rotation_equals_scipy(dtype):
    clips = random_clips((7, 1, 4, 5), dtype=dtype)
    rotate = Rotate((-170, 170), (-90, 90))
    angles = rotate.draw(clips, generator())['angles']
    rotated = rotate.apply(clips, angles=angles).coordinates
    assert rotated.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    for before, after, (x, y, z) in zip(clips.coordinates, rotated, angles.double().numpy()):
        expected = before.double().numpy().reshape(-1, 3)
        for axis, angle in (('x', x), ('y', y), ('z', z)):  # one after the other, clockwise
            expected = Rotation.from_euler(axis, -angle).apply(expected)
        assert np.abs(after.double().numpy().reshape(-1, 3) - expected).max() < tolerance


@pytest.mark.parametrize(('axis', 'turned'), [(0, 'xZy'), (1, 'zyX'), (2, 'Yxz')])
def test_rotations_are_clockwise(axis, turned):
    """As in the release. Unit vectors x, y, z and what they become; a capital is negative."""
    clips = random_clips((1,), people=1, layout=THREE_JOINTS, dtype=torch.float64)
    clips = clips.with_coordinates(torch.eye(3, dtype=torch.float64)[None, None, None])
    angles = torch.zeros(1, 3, dtype=torch.float64)
    angles[0, axis] = torch.pi / 2
    rotated = Rotate().apply(clips, angles=angles).coordinates[0, 0, 0]
    expected = [np.eye(3)['xyz'.index(c.lower())] * (1 - 2 * c.isupper()) for c in turned]
    assert np.abs(rotated.numpy() - expected).max() < 1e-15


def test_rotation_by_nothing_changes_nothing():
    clips = random_clips()
    rotated = Rotate((0, 0), (0, 0))(clips, generator()).coordinates
    assert torch.equal(rotated, clips.coordinates)


def test_rotation_leaves_a_score_alone():
    clips = random_clips(channels=4)
    rotated = Rotate()(clips, generator()).coordinates
    assert torch.equal(rotated[..., 3], clips.coordinates[..., 3])
    assert not torch.equal(rotated[..., :3], clips.coordinates[..., :3])


def test_rotation_needs_three_dimensions():
    with pytest.raises(ValueError, match="3 dimensions; 'coco17' has 2"):
        Rotate()(random_clips(layout='coco17'), generator())


@pytest.mark.parametrize('name', ['main_degrees', 'other_degrees'])
def test_wrong_degrees(name):
    with pytest.raises(ValueError, match=f'{name} must be a range of two finite numbers'):
        Rotate(**{name: (30, 0)})


def test_spatial_flip_takes_the_joints_of_the_release():
    joints = torch.arange(25.0).view(1, 1, 1, 25, 1).expand(1, 2, 3, 25, 3)
    clips = Clips(joints, torch.tensor([3]), get_layout('kinect_v2'))
    order = [*range(4), *range(8, 12), *range(4, 8), *range(16, 20), *range(12, 16), 20]
    order += [23, 24, 21, 22]
    flipped = SpatialFlip()(clips).coordinates
    assert torch.equal(flipped, torch.tensor(order).view(1, 1, 1, 25, 1).expand_as(joints).float())


@pytest.mark.parametrize('layout', ['kinect_v2', 'kinect_v1', 'msr_action3d', 'coco17'])
def test_spatial_flip_swaps_left_and_right(layout):
    clips = random_clips(layout=layout)
    flipped = SpatialFlip()(clips)
    names = clips.layout.joints
    for i, name in enumerate(names):
        side, _, part = name.partition('_')
        other = {'left': f'right_{part}', 'right': f'left_{part}'}.get(side, name)
        expected = clips.coordinates[..., names.index(other), :]
        assert torch.equal(flipped.coordinates[..., i, :], expected)  # the score as well
    assert torch.equal(SpatialFlip()(flipped).coordinates, clips.coordinates)


def test_spatial_flip_of_a_layout_without_sides():
    clips = random_clips(layout=THREE_JOINTS)
    assert torch.equal(SpatialFlip()(clips).coordinates, clips.coordinates)


@pytest.mark.parametrize(('layout', 'size'), [('kinect_v2', 3), ('coco17', 2)])
def test_axis_mask_takes_every_axis_equally_often(layout, size):
    axis = AxisMask().draw(many(3000, layout), generator())['axis']
    counts = axis.bincount()
    assert len(counts) == size
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_axis_mask_equals_a_loop():
    clips = random_clips((7, 1, 4, 5, 6, 3), channels=4)
    mask = AxisMask()
    axis = mask.draw(clips, generator(1))['axis']
    assert axis.unique().tolist() == [0, 1, 2]
    masked = mask.apply(clips, axis=axis).coordinates
    for before, after, drawn in zip(clips.coordinates, masked, axis.tolist()):
        for channel in range(4):
            if channel == drawn:
                assert not after[..., channel].any()
            else:
                assert torch.equal(after[..., channel], before[..., channel])


@pytest.mark.parametrize('count', [0, 1, 3, 4, 6, 15, 80])
def test_rows_are_multiplied_in_blocks(count):
    """Whether or not the number of rows can be divided, and with a strided input."""
    rows = torch.randn(2, count, 4, generator=generator(0), dtype=torch.double)[..., :3]
    matrix = torch.randn(2, 3, 3, generator=generator(1), dtype=torch.double)
    expected = torch.einsum('nrd,nde->nre', rows, matrix)
    torch.testing.assert_close(multiply_rows(rows, matrix), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('dimensions', [1, 2, 3])
def test_each_joint_is_multiplied_by_its_own_matrix(dimensions):
    clips = random_clips((7, 1, 4), channels=4, dtype=torch.double)
    size = (3, clips.layout.num_joints, dimensions, dimensions)
    matrices = torch.randn(size, generator=generator(1), dtype=torch.double)
    coordinates = clips.coordinates[..., :dimensions]
    expected = torch.einsum('nmtvd,nvde->nmtve', coordinates, matrices)
    mapped = map_joints(clips.coordinates, matrices)
    torch.testing.assert_close(mapped, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('transform', [Shear(), Shear(keep_center=True), JointCorruption()])
@pytest.mark.parametrize(('layout', 'channels'), [('kinect_v2', 4), ('coco17', 3)])
def test_matrices_of_joints_are_what_is_applied(transform, layout, channels, monkeypatch):
    monkeypatch.setattr(waiting, 'may_ask', lambda device: False)
    clips = random_clips((7, 1, 4), layout=layout, channels=channels)
    drawn = transform.draw(clips, generator(1))
    matrices = transform.matrices(clips, **drawn)
    dimensions = clips.layout.dimensions
    mapped = torch.einsum('nmtvd,nvde->nmtve', clips.coordinates[..., :dimensions], matrices)
    applied = transform.apply(clips, **drawn).coordinates
    torch.testing.assert_close(applied[..., :dimensions], mapped)
    assert torch.equal(applied[..., dimensions:], clips.coordinates[..., dimensions:])
