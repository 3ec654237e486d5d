"""The moving camera, against a loop."""

import math

import pytest
import torch

from halp_mm.transforms import RandomMove
from tests.helpers import DTYPES, generator, random_clips


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('layout', ['kinect_v2', 'coco17'])
def test_equals_a_loop(layout, dtype):
    clips = random_clips([7, 1, 4], layout=layout, dtype=dtype)
    move = RandomMove()
    poses = move.draw(clips, generator())['poses']
    found = move.apply(clips, poses=poses).coordinates
    for n, m, t, v in torch.cartesian_prod(*map(torch.arange, found.shape[:4])).tolist():
        before = clips.coordinates[n, m, t, v].tolist()
        frames = int(clips.num_frames[n])
        time = t / (frames - 1) if frames > 1 else 0
        start, end = poses[n].tolist()
        angle, scale, x, y = (a + time * (b - a) for a, b in zip(start, end))
        if any(before):
            turned = complex(*before[:2]) * scale * complex(math.cos(angle), math.sin(angle))
            before = [turned.real + x, turned.imag + y, *before[2:]]
        torch.testing.assert_close(found[n, m, t, v], torch.tensor(before, dtype=dtype))


def test_every_value_is_drawn_equally_often_at_both_ends():
    clips = random_clips([2] * 6000, people=1, channels=3)
    poses = RandomMove((-90, 0, 90), (0.5, 2.0), (3.0, 4.0)).draw(clips, generator())['poses']
    assert poses.shape == (6000, 2, 4)
    values = [[-math.pi / 2, 0, math.pi / 2], [0.5, 2.0], [3.0, 4.0], [3.0, 4.0]]
    for end in range(2):
        for i, of_kind in enumerate(values):
            share = 1 / len(of_kind)
            for value in of_kind:
                found = (poses[:, end, i] - value).abs().lt(1e-6).double().mean()
                assert abs(found - share) < 4.5 * (share * (1 - share) / 6000) ** 0.5
    assert abs(torch.corrcoef(poses.flatten(1).T)[0, 4]) < 0.06


def test_nothing_to_draw_from():
    with pytest.raises(ValueError, match='shifts is empty; expected one or more numbers'):
        RandomMove(shifts=())
