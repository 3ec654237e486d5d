"""SLiM's choice of person and frames."""

import pytest
import torch

from halp_mm.clip_draws import ClipGenerator
from halp_mm.testing import check_transform
from halp_mm.transforms import MirroredRepeat, RandomPerson, TemporalCrop, TemporalCropSample
from tests.helpers import generator, random_clips
from tests.test_models.test_no_waiting import RefuseToWait


def numbered(lengths):
    """Clips in which frame t has the coordinates t + 1."""
    clips = random_clips(lengths, people=1)
    frame = torch.arange(1.0, 1 + max(lengths))[:, None, None].expand_as(clips.coordinates[0, 0])
    valid = clips.valid_frames()[:, None, :, None, None]
    return clips.with_coordinates(frame * valid)


def times(clips, i: int) -> list[float]:
    """The numbers of a clip's frames."""
    frames = int(clips.num_frames[i])
    assert not clips.coordinates[i, :, frames:].any()
    return (clips.coordinates[i, 0, :frames, 0, 0] - 1).tolist()


def test_short_clips_are_played_back_and_forth():
    result = MirroredRepeat(8)(numbered([3, 10, 8, 1]))
    assert times(result, 0) == [0, 1, 2, 2, 1, 0, 0, 1]
    assert times(result, 1) == list(range(10))
    assert times(result, 2) == list(range(8))
    assert times(result, 3) == [0] * 8


def test_a_crop_is_a_piece():
    clips = numbered([20, 6, 3])
    for seed in range(20):
        result = TemporalCrop((0.5, 0.8), 4)(clips, generator(seed))
        for i, (shortest, longest) in enumerate([(10, 16), (4, 4), (3, 3)]):
            found = times(result, i)
            assert shortest <= len(found) <= longest
            assert found == list(range(int(found[0]), int(found[0]) + len(found)))


@pytest.mark.parametrize(('length', 'wanted'), [(5, 8), (8, 8), (13, 8), (16, 8), (40, 8)])
def test_frames_are_taken_by_the_length_of_the_piece(length, wanted):
    clips = numbered([length] * 300)
    transform = TemporalCropSample((1.0, 1.0), wanted, 1)
    result = transform(clips, generator())
    assert result.coordinates.shape[2] == wanted
    found = torch.tensor([times(result, i) for i in range(300)])
    steps = found.diff(dim=1)
    assert (found >= 0).all()
    assert (found <= length - 1).all()
    if length < wanted:
        places = (torch.arange(wanted) + 0.5) * length / wanted - 0.5
        torch.testing.assert_close(found[0], places.clamp(0, length - 1))
        return
    assert torch.equal(found, found.round())
    assert (steps >= 1).all()
    if length >= 2 * wanted:
        part = found.div(length / wanted, rounding_mode='floor')
        assert torch.equal(part, torch.arange(float(wanted)).expand_as(part))
    seen = set(found.flatten().tolist())
    assert seen == set(range(length))  # every frame is taken of some clip


def test_a_person_who_is_seen():
    clips = random_clips([6] * 200, people=3)
    clips.coordinates[1:, 0] = 0  # of all but the first clip, only person 1 is seen
    chosen = RandomPerson().draw(clips, generator())['person']
    assert (chosen[1:] == 1).all()
    result = RandomPerson()(clips, generator())
    assert result.coordinates.shape == (200, 1, 6, 25, 3)
    assert torch.equal(result.coordinates[5, 0], clips.coordinates[5, 1])
    everybody = random_clips([6] * 300, people=1)
    both = everybody.with_coordinates(everybody.coordinates.repeat(1, 2, 1, 1, 1))
    counts = RandomPerson().draw(both, generator())['person'].bincount(minlength=2)
    assert (counts > 100).all()


@pytest.mark.parametrize(
    'transform',
    [TemporalCrop((0.3, 0.8), 2), TemporalCropSample((0.3, 1.0), 6, 2), MirroredRepeat(20)],
)
def test_what_transforms_promise(transform):
    check_transform(transform)
    check_transform(transform, 'coco17', 2)
    clips = random_clips()
    with RefuseToWait():
        transform(clips, generator())


def test_two_processes_choose_as_one_would_and_nothing_waits():
    clips = random_clips([6] * 8)
    whole = RandomPerson().draw(clips, ClipGenerator('cpu', 0, 5, 0, 1))['person']
    own = clips.with_coordinates(clips.coordinates[1::2])
    drawn = RandomPerson().draw(own, ClipGenerator('cpu', 2, 5, 1, 2))['person']
    assert torch.equal(drawn, whole[1::2])
    with RefuseToWait():
        RandomPerson()(clips, generator())
