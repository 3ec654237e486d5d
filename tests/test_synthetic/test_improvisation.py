"""Synthetic people who perform pieces drawn at random."""

from dataclasses import replace

import numpy as np
import pytest

from halp_mm.commands import make_synthetic
from halp_mm.datasets import ClipStorage
from halp_mm.synthetic import write_improvised
from halp_mm.synthetic.body import LAYOUT, SyntheticPerson
from halp_mm.synthetic.improvisation import (
    MAX_FRAMES,
    MIN_FRAMES,
    PERFORMANCES,
    _course,
    drawn_piece,
    improvised_clip,
    perform_piece,
)
from halp_mm.synthetic.pieces import MAX_SECONDS, MAX_SPEED, MIN_SECONDS, Piece, Turn, Walk
from tests.runs import run_tool


def test_the_tool_makes_performances_of_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(make_synthetic, 'MAX_NAMED', 2)
    path = tmp_path / 'clips.safetensors'
    words = ('--improvised', 3, '--performances', 2, '--layout', 'coco17', '--seed', 3)
    run = run_tool('data/make_synthetic.py', *words, '--out', path)
    assert run.returncode == 0, run.stderr
    assert 'classes  3: piece 0, piece 1, ...\n' in run.stdout
    storage = ClipStorage(path)
    assert (len(storage), storage.layout.name) == (6, 'coco17')
    assert storage.split('train').tolist() == list(range(6))
    assert storage.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert storage.class_names[2] == 'piece 2'
    again = tmp_path / 'again.safetensors'
    write_improvised(again, 3, 2, 3, 'coco17')
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (('--improvised', 5, '--repeats', 2), '--improvised goes with the format clips, and with'),
        (('--performances', 5), '--performances goes with --improvised'),
    ],
)
def test_options_that_go_with_other_clips(words, message):
    run = run_tool('data/make_synthetic.py', *words)
    assert run.returncode == 2
    assert message in run.stderr


@pytest.mark.parametrize(
    ('settings', 'name'),
    [((0, 1, 0), 'num_pieces'), ((1, 0, 0), 'performances'), ((1, 1, -1), 'seed')],
)
def test_numbers_out_of_range(settings, name, tmp_path):
    with pytest.raises(ValueError, match=name):
        write_improvised(tmp_path / 'clips.safetensors', *settings)


def test_a_clip_depends_on_seed_piece_and_performance_alone():
    clips = [improvised_clip(0, piece, 0) for piece in range(30)]
    lengths = [clip.shape[1] for clip in clips]
    assert MIN_FRAMES <= min(lengths) < max(lengths) <= MAX_FRAMES
    assert np.array_equal(improvised_clip(0, 7, 0), clips[7])
    for other in (improvised_clip(1, 7, 0), improvised_clip(0, 7, 1)):
        frames = min(other.shape[1], clips[7].shape[1])
        assert not np.array_equal(other[:, :frames], clips[7][:, :frames])
    hand = LAYOUT.index('right_hand')
    heights = [np.ptp(clip[0, :, hand, 1]) for clip in clips]
    assert min(heights) < 0.3
    assert max(heights) > 0.8


def test_performances_of_a_piece_are_more_alike_than_those_of_others():
    """By how much each joint moves along each axis, which is crude."""
    pieces, performances = 20, 4
    moved = np.stack(
        [
            [improvised_clip(5, piece, one)[0].std(0).flatten() for one in range(performances)]
            for piece in range(pieces)
        ]
    )
    apart = np.linalg.norm(moved[:, :, None, None] - moved, axis=-1)
    of_piece = np.arange(pieces)
    same = apart[of_piece, :, of_piece]  # [pieces, performances, performances]
    assert same[:, ~np.eye(performances, dtype=bool)].min() > 0.01
    flat = apart.reshape(pieces * performances, -1)
    np.fill_diagonal(flat, np.inf)
    nearest = flat.argmin(-1).reshape(pieces, performances) // performances
    share = (nearest == of_piece[:, None]).mean()
    assert share > 0.3, share  # by chance 0.04


def test_bones_keep_their_length():
    first, second = np.array(LAYOUT.bone_indices).T
    for seed in range(20):
        generator = np.random.default_rng(seed)
        piece = Piece.draw(generator)
        places = perform_piece(piece, SyntheticPerson.draw(generator), generator)
        lengths = np.linalg.norm(places[..., first, :] - places[..., second, :], axis=-1)
        np.testing.assert_allclose(lengths, lengths[:, :1].repeat(places.shape[1], 1), rtol=1e-6)


def test_pieces_take_their_time():
    for number in range(200):
        piece = drawn_piece(0, number)
        assert MIN_SECONDS <= piece.seconds <= MAX_SECONDS
        assert piece.movements or piece.walk
        for movement in piece.movements:
            assert len(movement.times) == len(movement.poses) >= 2
            assert (np.diff(movement.times) >= 0).all()


def test_no_joint_jumps_at_any_pace():
    """Between poses, an angle never changes faster than a person can turn a joint."""
    fastest = 0.0
    for number in range(100):
        for movement in drawn_piece(0, number).movements:
            poses_only = replace(movement, swing=None)
            for pace in (0.5, 3.0):
                seconds = np.linspace(-1, 8, 2000)
                generator = np.random.default_rng(number)
                course = _course(poses_only, pace * seconds, pace, generator)
                speed = np.abs(np.diff(course, axis=0)).max() / np.diff(seconds)[0]
                fastest = max(fastest, speed)
    assert 0.9 * MAX_SPEED < fastest < 1.001 * MAX_SPEED


def test_people_walk_and_turn():
    still = SyntheticPerson.draw(np.random.default_rng(0))
    still = replace(still, sway=0.0, amplitude=1.0)
    walk = Walk(hertz=1, stride=25, speed=1.0, heading=0, bend=0, times=(0, 2.5))
    there = perform_piece(Piece((), 2.5, walk=walk), still, np.random.default_rng(3))
    pelvis = there[0, :, LAYOUT.index('spine_base')]
    assert pelvis[-1, 2] < pelvis[0, 2] - 1.0  # towards the camera
    assert np.ptp(pelvis[:, 0]) < 0.4
    feet = there[0, :, [LAYOUT.index('left_ankle'), LAYOUT.index('right_ankle')], 2] - pelvis[:, 2]
    assert np.corrcoef(feet)[0, 1] < -0.5  # one goes forward while the other stays behind
    turned = perform_piece(
        Piece((), 2.5, turn=Turn(90, (0.2, 2.0))), still, np.random.default_rng(3)
    )
    left, right = (turned[0, :, LAYOUT.index(f'{side}_shoulder')] for side in ('left', 'right'))
    angle = np.degrees(np.arctan2(*(right - left)[:, [2, 0]].T))
    assert abs(angle[0]) < 25
    assert 60 < abs(angle[-1]) < 120


def test_legs_stay_upright_below_a_trunk_that_bends():
    ankle, hip = LAYOUT.index('left_ankle'), LAYOUT.index('left_hip')
    for seed in range(30):
        generator = np.random.default_rng(seed)
        piece = Piece.draw(generator)
        if len(piece.movements) and 'hip' not in piece.movements[0].joints and not piece.walk:
            places = perform_piece(piece, SyntheticPerson.draw(generator), generator)[0]
            leg = places[:, hip] - places[:, ankle]
            assert (leg[:, 1] / np.linalg.norm(leg, axis=-1)).min() > 0.8


def test_how_many_performances_unless_named(tmp_path):
    write_improvised(tmp_path / 'clips.safetensors', 1)
    assert ClipStorage(tmp_path / 'clips.safetensors').labels.tolist() == [0] * PERFORMANCES
