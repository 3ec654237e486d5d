"""SLiM's tube masks: from given draws exactly, and what they look like from random ones."""

import numpy as np
import pytest
import torch

from halp_mm.clip_draws import ClipGenerator, on_host
from halp_mm.skeletons import get_layout
from halp_mm.skeletons.body_parts import body_parts
from halp_mm.testing import check_transform
from halp_mm.transforms import SemanticTubeMask
from halp_mm.transforms.tube_masking import Tubes, hide_tubes
from tests.helpers import generator, random_clips, reference
from tests.test_models.test_no_waiting import RefuseToWait

VECTORS = reference('slim_tube_masks_own_rendering')
GRIDS = [name.removeprefix('mask_') for name in VECTORS if name.startswith('mask_')]


@pytest.mark.parametrize('grid', GRIDS)
def test_masks_from_given_draws(grid):
    layout = get_layout('kinect_v2')
    expected, wanted = VECTORS[f'mask_{grid}'].numpy(), int(VECTORS[f'target_{grid}'])
    hidden = np.zeros((1, *expected.shape), dtype=bool)
    for part, run, first, area, top in VECTORS[f'draws_{grid}'].view(-1, 5).tolist():
        height = max(1, min(round(area / run), len(expected)))
        tube = (np.array([int(x)]) for x in (part, run, first, height, top))
        hide_tubes(hidden, Tubes(*tube), np.array([wanted - hidden.sum()]), layout)
    assert np.array_equal(hidden[0], expected)


def slowly(draws: np.ndarray, wanted: int, num_cells: int) -> np.ndarray:
    """One person's mask from uniform draws ``[tries, 5]``, cell by cell."""
    layout = get_layout('kinect_v2')
    parts = list(body_parts(layout).values())
    hidden, failures = np.zeros((num_cells, layout.num_joints), dtype=bool), 0
    for u in draws:
        left = wanted - int(hidden.sum())
        if left == 0 or failures == 10:
            break
        joints = parts[int(u[0] * len(parts))]
        run = 1 + int(u[1] * len(joints))
        first = int(u[2] * (len(joints) - run + 1))
        area = num_cells + u[3] * (left - num_cells)
        height = max(1, min(round(area / run), num_cells))
        top = int(u[4] * (num_cells - height + 1))
        tube = {(t, v) for t in range(top, top + height) for v in joints[first : first + run]}
        new = [cell for cell in tube if not hidden[cell]]
        if 1 <= len(new) <= left:
            for cell in new:
                hidden[cell] = True
            failures = 0
        else:
            failures += 1
    return hidden


@pytest.mark.parametrize('frames', [64, 12, 8])
def test_masks_equal_a_slow_way(frames):
    clips = random_clips([frames] * 6)
    transform = SemanticTubeMask(probability=0.7)
    found = transform(clips, generator(3)).draws
    source = on_host(generator(3))
    uniform = torch.rand(6, 2, 322, generator=source, dtype=torch.float64).numpy()
    num_cells = -(-frames // 8)
    for n in range(6):
        for m in range(2):
            wanted = int((0.5 + 0.4 * uniform[n, m, 0]) * num_cells * 25)
            wanted *= uniform[n, m, 1] < 0.7
            cells = slowly(uniform[n, m, 2:].reshape(64, 5), wanted, num_cells)
            expected = torch.from_numpy(cells).repeat_interleave(8, 0)[:frames]
            assert torch.equal(found['mask'][n, m], expected)
    cells = found['mask'][:, :, ::8].flatten()
    assert torch.equal(found['hidden'], cells.nonzero().flatten())
    assert 0 < len(found['hidden']) < len(cells)


def test_how_much_is_hidden():
    clips = random_clips([64] * 200, people=1)
    shares = SemanticTubeMask((0.5, 0.9))(clips, generator()).draws['mask'].float().mean((1, 2, 3))
    assert shares.max() <= 0.9
    assert 0.65 < shares.mean() < 0.71
    half = SemanticTubeMask(probability=0.5)(clips, generator()).draws['mask'].flatten(1)
    assert 80 <= int(half.any(1).sum()) <= 120
    everything = SemanticTubeMask((1.0, 1.0))(clips, generator()).draws['mask'].float()
    assert everything.mean() > 0.9  # ten failures may end a mask early


def test_what_transforms_promise():
    check_transform(SemanticTubeMask())
    check_transform(SemanticTubeMask(cell_frames=4), 'coco17', 2)


def test_two_processes_draw_what_one_would_and_nothing_waits():
    clips = random_clips((12, 1, 7, 9))
    transform = SemanticTubeMask()
    whole = transform.draw(clips, ClipGenerator('cpu', 0, 5, 0, 1))['hidden_cells']
    for rank in (0, 1):
        own = clips.with_coordinates(clips.coordinates[rank::2])
        drawn = transform.draw(own, ClipGenerator('cpu', 1 + rank, 5, rank, 2))['hidden_cells']
        assert torch.equal(drawn, whole[rank::2])
    with RefuseToWait():
        transform(clips, generator())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(ratio=(0.9, 0.5)), 'ratio must be a range of two finite numbers'),
        (dict(ratio=(0.5, 1.5)), r'high must be a number within \[0, 1\]'),
        (dict(cell_frames=0), 'cell_frames must be a whole number of at least 1'),
        (dict(min_area=0), 'min_area must be a whole number of at least 1'),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        SemanticTubeMask(**options)
