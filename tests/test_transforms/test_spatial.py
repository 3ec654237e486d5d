"""Shear and joint corruption, against loops and their distributions."""

import numpy as np
import pytest
import torch
from scipy import stats

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import JointCorruption, Shear
from tests.helpers import DTYPES, generator, random_clips


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
    with pytest.raises(ValueError, match='joint_ratio must be within'):
        JointCorruption(ratio)
