"""Frames mixed and joints mapped in C and by operators, against loops."""

import pytest
import torch

from halp_mm.transforms import build_transform, compiled_views, spatial, temporal
from tests.helpers import generator, needs_compiled, random_clips


@pytest.fixture(params=['in C', 'by operators'])
def computed(request, monkeypatch):
    """In what way views are computed."""
    if request.param == 'by operators':
        monkeypatch.setattr(compiled_views, 'library_for', lambda coordinates: None)
    else:
        needs_compiled('halp_mm.transforms', 'views.c')
    return request.param


def random_numbers(*size: int, dtype: torch.dtype = torch.float) -> torch.Tensor:
    return torch.randn(*size, generator=generator(), dtype=dtype)


@pytest.mark.parametrize('dtype', [torch.float, torch.double])
@pytest.mark.parametrize(
    'shape', [(3, 2, 7, 5, 3), (1, 1, 1, 1, 2), (2, 3, 4, 25, 4), (0, 2, 7, 5, 3)]
)
@pytest.mark.parametrize('is_contiguous', [True, False])
def test_frames_are_mixed(computed, shape, dtype, is_contiguous):
    clips, people, length = shape[:3]
    coordinates = random_numbers(*shape, dtype=dtype)
    if not is_contiguous:
        coordinates = coordinates.transpose(0, 1).contiguous().transpose(0, 1)
    first, second = torch.randint(length, (2, clips, 6), generator=generator())
    share = torch.rand(clips, 6, generator=generator(), dtype=dtype)
    mixed = temporal.drawn_mixed_frames(coordinates, first, second, share)
    assert mixed.dtype == dtype
    assert mixed.shape == (clips, people, 6, *shape[3:])
    for i in range(clips):
        for j in range(6):
            one, other = coordinates[i, :, first[i, j]], coordinates[i, :, second[i, j]]
            expected = (1 - share[i, j]) * one + share[i, j] * other
            torch.testing.assert_close(mixed[i, :, j], expected)


def test_frames_that_are_equal_stay_as_they_are():
    needs_compiled('halp_mm.transforms', 'views.c')
    coordinates = random_numbers(2, 1, 1, 9, 3).expand(-1, -1, 4, -1, -1)
    share = torch.rand(2, 8, generator=generator())
    first = torch.zeros(2, 8, dtype=torch.long)
    mixed = temporal.drawn_mixed_frames(coordinates, first, first + 1, share)
    assert (mixed == coordinates[:, :, :1]).all()


@pytest.mark.parametrize('dtype', [torch.float, torch.double])
@pytest.mark.parametrize('joints', [1, 16, 25])
@pytest.mark.parametrize(('dimensions', 'channels'), [(2, 2), (2, 3), (3, 3), (3, 4)])
@pytest.mark.parametrize('clips', [0, 3])
def test_joints_are_mapped(computed, clips, joints, dimensions, channels, dtype):
    coordinates = random_numbers(clips, 2, 5, joints, channels, dtype=dtype)
    matrices = random_numbers(clips, joints, dimensions, dimensions, dtype=dtype)
    mapped = spatial.map_joints(coordinates, matrices)
    assert mapped.dtype == dtype
    assert mapped.shape == (clips, 2, 5, joints, dimensions)
    for i in range(clips):
        for j in range(joints):
            expected = coordinates[i, :, :, j, :dimensions] @ matrices[i, j]
            torch.testing.assert_close(mapped[i, :, :, j], expected)


def test_a_matrix_for_all_joints_is_none_of_their_own(computed):
    """Those of a shear are one matrix seen several times."""
    coordinates, matrix = random_numbers(2, 1, 3, 4, 3), random_numbers(2, 1, 3, 3)
    mapped = spatial.map_joints(coordinates, matrix.expand(-1, 4, -1, -1))
    expected = torch.einsum('nmtvc,nvcd->nmtvd', coordinates, matrix.expand(-1, 4, -1, -1))
    torch.testing.assert_close(mapped, expected)


def test_joints_of_clips_that_lie_apart_are_mapped(computed):
    """Frame by frame, all clips of each: a tensor like this one has such strides too."""
    coordinates = random_numbers(5, 3, 1, 4, 3).permute(1, 2, 0, 3, 4)
    matrices = random_numbers(3, 4, 3, 3)
    mapped = spatial.map_joints(coordinates, matrices)
    expected = torch.einsum('nmtvc,nvcd->nmtvd', coordinates, matrices)
    torch.testing.assert_close(mapped, expected)


def test_only_what_is_drawn_starts_a_compiler(monkeypatch):
    """Not evaluation and inference."""
    asked = []
    monkeypatch.setattr(compiled_views, 'library_for', lambda coordinates: asked.append(1))
    clips = random_clips((9, 30))
    for config in (
        dict(type='CenterCropResize', num_frames=8),
        dict(type='FixedLength', num_frames=8),
        dict(type='RelativeNormalize3D', num_frames=8),
    ):
        build_transform(config)(clips, generator())
    assert not asked
    for config in (
        dict(type='TemporalCropResize', num_frames=8),
        dict(type='TemporalCropSample', num_frames=8),
        dict(type='JointCorruption'),
    ):
        build_transform(config)(clips, generator())
    assert len(asked) == 3
