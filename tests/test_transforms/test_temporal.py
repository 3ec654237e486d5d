"""Transforms along time, against the release, loops, interpolation and exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import (
    CenterCropResize,
    TemporalCropResize,
    TemporalFlip,
    TemporalShiftCrop,
    crop_resize,
)
from halp_mm.transforms.temporal import mixed_frames, mixed_frames_on_cpu
from tests.helpers import DTYPES, assert_relative, generator, random_clips, reference

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-6}


def interpolated(clip: Tensor, start: int, length: int, num_frames: int) -> Tensor:
    """PyTorch's linear interpolation of a piece of a clip ``[M, T, V, C]``."""
    piece = clip[:, start : start + length]
    people, _, joints, channels = piece.shape
    flat = piece.permute(0, 2, 3, 1).reshape(1, -1, length)
    resized = F.interpolate(flat, size=num_frames, mode='linear', align_corners=False)
    return resized.reshape(people, joints, channels, num_frames).permute(0, 3, 1, 2)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('name', ['crop_resize_40', 'crop_resize_90', 'crop_resize_200'])
def test_crop_resize_equals_the_release(name, dtype):
    vectors = reference(name)
    layout = get_layout(dict(name='two', joints=['a', 'b'], bones=[('a', 'b')], center='a'))
    coordinates = vectors['input_CTVM'].to(dtype).permute(3, 1, 2, 0)[None]
    clips = Clips(coordinates, vectors['num_frames'][None], layout)
    resized = crop_resize(clips, vectors['start'][None], vectors['crop_length'][None], 64)
    assert resized.coordinates.dtype == dtype
    assert resized.num_frames.tolist() == [64]
    expected = vectors['output_CTVM'].permute(3, 1, 2, 0)[None]
    # The release computes in float32; its rounding is all that may differ.
    assert_relative(resized.coordinates, expected, TOLERANCE[dtype])


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('num_frames', [1, 5, 64])
def test_crop_resize_equals_interpolate_clip_by_clip(dtype, num_frames):
    clips = random_clips((50, 1, 64, 7, 23, 2), dtype=dtype)
    start = torch.tensor([3, 0, 0, 6, 22, 0])
    length = torch.tensor([40, 1, 64, 1, 1, 2])
    resized = crop_resize(clips, start, length, num_frames).coordinates
    assert resized.shape == (6, 2, num_frames, 25, 3)
    for i in range(6):
        expected = interpolated(clips.coordinates[i], int(start[i]), int(length[i]), num_frames)
        torch.testing.assert_close(resized[i], expected, rtol=0, atol=3 * TOLERANCE[dtype])


def test_crop_of_the_same_length_is_a_copy():
    clips = random_clips((9, 12), dtype=torch.float64)
    resized = crop_resize(clips, torch.tensor([2, 5]), torch.tensor([6, 6]), 6).coordinates
    torch.testing.assert_close(resized[0], clips.coordinates[0, :, 2:8], rtol=0, atol=1e-14)
    torch.testing.assert_close(resized[1], clips.coordinates[1, :, 5:11], rtol=0, atol=1e-14)


def test_crop_resize_never_looks_at_padding():
    clips = random_clips((5, 20))
    poisoned = clips.coordinates.clone()
    poisoned[0, :, 5:] = float('nan')
    resized = crop_resize(
        clips.with_coordinates(poisoned), torch.tensor([0, 0]), clips.num_frames, 33
    )
    assert resized.coordinates.isfinite().all()


def test_empty_batch():
    clips = random_clips((3,))
    empty = Clips(clips.coordinates[:0], clips.num_frames[:0], clips.layout)
    for transform in (TemporalCropResize(), CenterCropResize()):
        assert transform(empty).coordinates.shape == (0, 2, 64, 25, 3)


@pytest.mark.parametrize('frames', [1, 30, 64, 65, 100, 300, 1000])
def test_drawn_lengths_and_starts_are_within_the_clip(frames):
    layout = get_layout('kinect_v2')
    count = 4000
    clips = Clips(torch.zeros(count, 1, 1, 1, 1), torch.full((count,), frames), layout)
    draws = TemporalCropResize((0.1, 1.0), min_frames=64).draw(clips, generator())
    start, length = draws['start'], draws['length']
    assert length.dtype == start.dtype == torch.long
    shortest = min(frames, max(64, frames // 10))
    assert length.min() >= shortest
    assert length.max() <= frames
    assert start.min() >= 0
    assert (start + length <= frames).all()
    if frames <= 64:
        assert (length == frames).all()
        assert not start.any()
    if frames == 1000:
        # Lengths are the floor of a uniform number of frames.
        ratio = (length.double() + 0.5) / 1000
        assert stats.kstest(ratio.numpy(), stats.uniform(0.1, 0.9).cdf).pvalue > 1e-3


def test_start_is_uniform_over_the_slack():
    layout = get_layout('kinect_v2')
    count = 8000
    clips = Clips(torch.zeros(count, 1, 1, 1, 1), torch.full((count,), 14), layout)
    draws = TemporalCropResize((0.5, 0.5), min_frames=1).draw(clips, generator())
    assert (draws['length'] == 7).all()
    counts = draws['start'].bincount()
    assert len(counts) == 8  # 0 to 7: both ends can be drawn
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_start_does_not_depend_on_the_length():
    layout = get_layout('kinect_v2')
    clips = Clips(torch.zeros(5000, 1, 1, 1, 1), torch.full((5000,), 500), layout)
    draws = TemporalCropResize((0.1, 1.0), min_frames=1).draw(clips, generator())
    slack = 500 - draws['length']
    place = (draws['start'].double() + 0.5) / (slack + 1)
    some = slack > 20
    assert stats.kstest(place[some].numpy(), 'uniform').pvalue > 1e-3
    correlation = stats.spearmanr(draws['length'][some].numpy(), place[some].numpy())
    assert correlation.pvalue > 1e-3


@pytest.mark.parametrize('ratio', [(0.0, 1.0), (0.5, 0.4), (0.5, 1.1), (-0.1, 0.5)])
def test_wrong_ratio_range(ratio):
    with pytest.raises(ValueError, match='ratio must be a range'):
        TemporalCropResize(ratio)


@pytest.mark.parametrize('ratio', [0.0, 1.01, -1.0])
def test_wrong_center_ratio(ratio):
    with pytest.raises(ValueError, match='ratio must be a number within'):
        CenterCropResize(ratio)


@pytest.mark.parametrize('dtype', DTYPES)
def test_center_crop_equals_interpolate(dtype):
    clips = random_clips((1, 2, 3, 39, 40, 64, 100, 79), dtype=dtype)
    resized = CenterCropResize(0.95, num_frames=16)(clips)
    assert resized.num_frames.tolist() == [16] * 8
    for i, frames in enumerate(clips.num_frames.tolist()):
        cut = int(Fraction(frames) * Fraction(5, 100) / 2)
        expected = interpolated(clips.coordinates[i], cut, frames - 2 * cut, 16)
        torch.testing.assert_close(
            resized.coordinates[i], expected, rtol=0, atol=3 * TOLERANCE[dtype]
        )


@pytest.mark.parametrize('percent', [1, 10, 30, 50, 60, 70, 80, 90, 95, 99, 100])
def test_center_crop_cuts_exactly(percent):
    """Clips of frame numbers, resized to one frame, tell where the middle is; so do the ends."""
    lengths = torch.arange(1, 401)
    layout = get_layout('kinect_v2')
    frames = torch.arange(400, dtype=torch.float64).expand(400, 1, 400)[..., None, None]
    clips = Clips(frames, lengths, layout)
    many = CenterCropResize(percent / 100, num_frames=4000)(clips).coordinates
    expected = [
        min(int(Fraction(int(n)) * (100 - percent) / 200), (int(n) - 1) // 2) for n in lengths
    ]
    assert many[:, 0, 0, 0, 0].tolist() == expected
    last = [int(n) - 1 - cut for n, cut in zip(lengths, expected)]
    assert many[:, 0, -1, 0, 0].tolist() == last


def test_center_crop_keeps_a_frame_however_little_is_asked_for():
    clips = random_clips((1, 2, 3, 4, 5, 6), dtype=torch.float64)
    cropped = CenterCropResize(1e-9, num_frames=1)(clips).coordinates[:, :, 0]
    for clip, frame, frames in zip(clips.coordinates, cropped, range(1, 7)):
        expected = clip[:, [(frames - 1) // 2, frames // 2]].mean(1)
        torch.testing.assert_close(frame, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize('ratio', [6, 3, 1])
def test_shift_crop_equals_a_loop(ratio):
    clips = random_clips((50, 1, 5, 6, 23, 50, 50, 12, 49), dtype=torch.float64)
    crop = TemporalShiftCrop(ratio)
    shift = crop.draw(clips, generator())['shift']
    cropped = crop.apply(clips, shift=shift)
    assert torch.equal(cropped.num_frames, clips.num_frames)
    for i, frames in enumerate(clips.num_frames.tolist()):
        clip, padding = clips.coordinates[i, :, :frames].numpy(), frames // ratio
        if padding:
            begin, end = clip[:, :padding][:, ::-1], clip[:, -padding:][:, ::-1]
            clip = np.concatenate([begin, clip, end], axis=1)
        start = padding + int(shift[i])
        expected = clip[:, start : start + frames]
        assert np.array_equal(cropped.coordinates[i, :, :frames].numpy(), expected)
        assert not cropped.coordinates[i, :, frames:].any()


@pytest.mark.parametrize(
    ('shift', 'expected'), [(0, '012345678901'), (-2, '100123456789'), (2, '234567890110')]
)
def test_shift_crop_repeats_the_edge_frames(shift, expected):
    values = torch.tensor([float(c) for c in '012345678901'])
    clips = Clips(values.view(1, 1, 12, 1, 1), torch.tensor([12]), get_layout('kinect_v2'))
    cropped = TemporalShiftCrop(6).apply(clips, shift=torch.tensor([shift])).coordinates
    assert ''.join(str(int(value)) for value in cropped.flatten()) == expected


@pytest.mark.parametrize(('frames', 'longest'), [(50, 8), (12, 2), (6, 1), (5, 0), (1, 0)])
def test_shift_is_uniform(frames, longest):
    count = 6000
    clips = Clips(
        torch.zeros(count, 1, 1, 1, 1), torch.full((count,), frames), get_layout('kinect_v2')
    )
    shift = TemporalShiftCrop().draw(clips, generator())['shift']
    assert shift.dtype == torch.long
    counts = (shift + longest).bincount()
    assert len(counts) == 2 * longest + 1  # the longest shift both ways
    if longest:
        assert stats.chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize('seed', range(5))
def test_shift_crop_leaves_short_clips_alone(seed):
    clips = random_clips((5, 1, 4, 3))
    cropped = TemporalShiftCrop(6)(clips, generator(seed)).coordinates
    assert torch.equal(cropped, clips.coordinates)


@pytest.mark.parametrize('ratio', [0, -2])
def test_wrong_padding_ratio(ratio):
    with pytest.raises(ValueError, match='padding_ratio must be a whole number of at least 1'):
        TemporalShiftCrop(ratio)


def test_temporal_flip_equals_a_loop():
    clips = random_clips((7, 1, 4, 12), channels=4)
    flipped = TemporalFlip()(clips)
    for i, frames in enumerate(clips.num_frames.tolist()):
        for t in range(12):
            source = frames - 1 - t if t < frames else t
            assert torch.equal(flipped.coordinates[i, :, t], clips.coordinates[i, :, source])
    assert torch.equal(TemporalFlip()(flipped).coordinates, clips.coordinates)


@pytest.mark.parametrize('transform', [TemporalShiftCrop(2), TemporalFlip()], ids=['crop', 'flip'])
def test_frames_are_never_taken_from_padding(transform):
    clips = random_clips((5, 20, 3))
    poisoned = clips.coordinates.clone()
    poisoned[0, :, 5:] = poisoned[2, :, 3:] = float('nan')
    result = transform(clips.with_coordinates(poisoned), generator()).coordinates
    assert result[0, :, :5].isfinite().all()
    assert result[2, :, :3].isfinite().all()


def test_rearranged_frames_of_an_empty_batch():
    clips = random_clips((3,))
    empty = Clips(clips.coordinates[:0], clips.num_frames[:0], clips.layout)
    for transform in (TemporalShiftCrop(), TemporalFlip()):
        assert transform(empty).coordinates.shape == (0, 2, 3, 25, 3)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_frames_are_mixed_in_one_pass_as_in_three(dtype, tolerance):
    coordinates = random_clips((9, 4, 7), dtype=dtype).coordinates
    first, second = torch.randint(9, (2, 3, 12), generator=generator(1))
    share = torch.rand(3, 12, generator=generator(2), dtype=dtype)
    share[:, :3] = 0
    expected = mixed_frames(coordinates, first, second, share)
    mixed = mixed_frames_on_cpu(coordinates, first, second, share)
    torch.testing.assert_close(mixed, expected, rtol=tolerance, atol=tolerance)
    assert torch.equal(mixed[:, :, :3], expected[:, :, :3])
