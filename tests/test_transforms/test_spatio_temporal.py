"""Noise and blur, against the release, loops, SciPy and their distributions."""

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import GaussianBlur, GaussianNoise
from tests.helpers import DTYPES, assert_relative, generator, random_clips, reference


@pytest.mark.parametrize('std', [0.01, 2.0])
def test_noise_is_normal_and_independent(std):
    clips = random_clips((20,) * 40)
    added = GaussianNoise(std)(clips, generator()).coordinates - clips.coordinates
    seen = clips.coordinates[:, 0]
    assert seen.all()  # of most clips, only the first person is there
    added = added[:, 0].double().numpy()
    assert stats.kstest(added.ravel(), stats.norm(scale=std).cdf).pvalue > 1e-3
    for samples in (
        added.reshape(-1, 3).T,  # coordinates
        added[..., 0].reshape(-1, 25).T[:6],  # joints
        np.moveaxis(added, 1, 0)[:6].reshape(6, -1),  # frames
        added[:6].reshape(6, -1),  # clips
    ):
        correlation = np.corrcoef(samples) - np.eye(len(samples))
        assert np.abs(correlation).max() < 4.5 / samples.shape[1] ** 0.5


@pytest.mark.parametrize('dtype', DTYPES)
def test_noise_only_where_a_joint_is_seen(dtype):
    clips = random_clips((9, 1, 4), channels=4, dtype=dtype)
    clips.coordinates[0, 0, 3] = 0  # a person is missing
    clips.coordinates[0, :, :, 20, :3] = 0  # a joint is missing, but has a score
    clips.coordinates[0, 1, 2, 5, 0] = 0  # a joint with one coordinate that is zero is there
    noise = GaussianNoise(0.5)
    draws = noise.draw(clips, generator())
    result = noise.apply(clips, **draws).coordinates
    assert result.dtype == dtype
    for index in np.ndindex(clips.coordinates.shape[:-1]):
        before, after = clips.coordinates[index], result[index]
        assert after[3] == before[3]
        if before[:3].any():
            expected = before[:3] + draws['noise'][index]
            torch.testing.assert_close(after[:3], expected, rtol=0, atol=0)
            assert (after[:3] != before[:3]).all()
        else:
            assert not after[:3].any()


def test_no_noise_changes_nothing():
    clips = random_clips()
    assert torch.equal(GaussianNoise(0)(clips, generator()).coordinates, clips.coordinates)


def test_wrong_std():
    with pytest.raises(ValueError, match='std must be a finite number of at least 0, got -1'):
        GaussianNoise(-1)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_blur_equals_the_release(dtype, tolerance):
    vectors = reference('gaussian_blur_sigma1.3')
    coordinates = vectors['input_CTVM'].to(dtype).permute(3, 1, 2, 0)[None]
    clips = Clips(coordinates, torch.tensor([50]), get_layout('kinect_v2'))
    blur = GaussianBlur(kernel_size=int(vectors['kernel']))
    blurred = blur.apply(clips, sigma=vectors['sigma'][None]).coordinates
    assert blurred.dtype == dtype
    assert_relative(blurred, vectors['output_CTVM'].permute(3, 1, 2, 0)[None], tolerance)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('kernel_size', [15, 3])
def test_blur_equals_convolution(kernel_size, dtype):
    """Of each path on its own, between its clip's ends."""
    clips = random_clips((30, 1, 4, 7, 16), dtype=dtype)
    blur = GaussianBlur(kernel_size, (0.3, 3.0))
    sigma = blur.draw(clips, generator())['sigma']
    blurred = blur.apply(clips, sigma=sigma).coordinates
    expected = np.zeros(clips.coordinates.shape)
    offsets = np.arange(-(kernel_size // 2), kernel_size // 2 + 1)
    for i, frames in enumerate(clips.num_frames.tolist()):
        kernel = np.exp(-(offsets**2) / (2 * float(sigma[i]) ** 2))
        paths = clips.coordinates[i, :, :frames].double().numpy()
        for person, joint, channel in np.ndindex(2, 25, 3):
            path = np.convolve(paths[person, :, joint, channel], kernel)
            where = slice(kernel_size // 2, kernel_size // 2 + frames)
            expected[i, person, :frames, joint, channel] = path[where]
    assert blurred.dtype == dtype
    assert_relative(blurred, torch.from_numpy(expected), 1e-6 if dtype == torch.float32 else 1e-14)


def test_normalized_blur_is_a_weighted_mean():
    clips = random_clips((30, 1, 4, 7, 16), dtype=torch.float64)
    blur = GaussianBlur(9, (0.5, 3.0), normalize=True)
    sigma = blur.draw(clips, generator())['sigma']
    blurred = blur.apply(clips, sigma=sigma).coordinates
    for i, frames in enumerate(clips.num_frames.tolist()):
        kernel = np.exp(-(np.arange(-4, 5) ** 2) / (2 * float(sigma[i]) ** 2))
        total, weight = (
            ndimage.convolve1d(values, kernel, axis=1, mode='constant')
            for values in (clips.coordinates[i, :, :frames].numpy(), np.ones((1, frames, 1, 1)))
        )
        assert np.abs(blurred[i, :, :frames].numpy() - total / weight).max() < 1e-13
    still = clips.with_coordinates((clips.coordinates != 0).double())
    blurred = blur(still, generator()).coordinates
    torch.testing.assert_close(blurred, still.coordinates, rtol=0, atol=1e-14)


@pytest.mark.parametrize('normalize', [False, True])
@pytest.mark.parametrize(('kernel_size', 'sigma'), [(15, (1e-3, 1e-3)), (1, (2.0, 2.0))])
def test_a_tiny_blur_changes_nothing(kernel_size, sigma, normalize):
    clips = random_clips()
    blur = GaussianBlur(kernel_size, sigma, normalize)
    assert torch.equal(blur(clips, generator()).coordinates, clips.coordinates)


def test_blur_beside_gaps():
    """A gap stays a gap and adds nothing to its neighbours; a score is not blurred."""
    clips = random_clips((20,), channels=4, dtype=torch.float64)
    clips.coordinates[0, 1, 8:11] = 0
    clips.coordinates[0, 0, 5, 3, :3] = 0
    blurred = GaussianBlur(15, (2.0, 2.0))(clips, generator()).coordinates
    assert not blurred[0, 1, 8:11].any()
    assert not blurred[0, 0, 5, 3, :3].any()
    assert torch.equal(blurred[..., 3], clips.coordinates[..., 3])
    kernel = np.exp(-(np.arange(-7, 8) ** 2) / 8)
    around = ndimage.convolve1d(clips.coordinates.numpy(), kernel, axis=2, mode='constant')
    seen = clips.coordinates[..., :3] != 0
    difference = torch.where(seen, blurred[..., :3] - torch.from_numpy(around[..., :3]), 0)
    assert difference.abs().max() < 1e-13


def test_sigma_is_uniform():
    clips = Clips(torch.zeros(4000, 1, 1, 1, 1), torch.ones(4000).long(), get_layout('kinect_v2'))
    sigma = GaussianBlur(15, (0.1, 2.0)).draw(clips, generator())['sigma']
    assert sigma.shape == (4000,)
    assert stats.kstest(sigma.double().numpy(), stats.uniform(0.1, 1.9).cdf).pvalue > 1e-3


@pytest.mark.parametrize('kernel_size', [0, 4, -3])
def test_wrong_kernel_size(kernel_size):
    with pytest.raises(ValueError, match=f'kernel_size must be .* number .*, got {kernel_size}'):
        GaussianBlur(kernel_size)


@pytest.mark.parametrize('sigma', [(0, 1), (-1.0, 2.0), (2.0, 1.0)])
def test_wrong_sigma(sigma):
    with pytest.raises(ValueError, match='sigma must be a range'):
        GaussianBlur(sigma=sigma)
