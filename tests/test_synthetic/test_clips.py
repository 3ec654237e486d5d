from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from halp_mm.datasets import ClipStorage, SkeletonDataset
from halp_mm.synthetic import SyntheticClip, generate_synthetic, write_synthetic
from halp_mm.synthetic.actions import ACTIONS, Manner
from halp_mm.synthetic.body import LAYOUT, forward_kinematics, stand_on_floor
from halp_mm.synthetic.clips import (
    add_sensor_errors,
    film,
    generate_clip,
    perform,
    synthetic_person,
)
from tests.runs import run_tool

TWO_PEOPLE = ['handshake', 'push', 'hug']
SPLITS = ['xsub_test', 'xsub_train', 'xview_test', 'xview_train']


@pytest.fixture(scope='module')
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('synthetic') / 'synthetic.safetensors'
    write_synthetic(path, seed=0)
    return path


@pytest.fixture(scope='module')
def clips(data_file: Path) -> list[SyntheticClip]:
    storage = ClipStorage(data_file)
    facts = [storage.labels, *(storage.columns[c] for c in ('subject', 'camera', 'repetition'))]
    return [
        SyntheticClip(storage.clip(position).numpy(), *row)
        for position, row in enumerate(torch.stack(facts, 1).tolist())
    ]


def bone_lengths(places: np.ndarray) -> np.ndarray:
    first, second = np.array(LAYOUT.bone_indices).T
    return np.linalg.norm(places[..., first, :] - places[..., second, :], axis=-1)


def act(name: str, subject: int = 1, seed: int = 0) -> np.ndarray:
    """A performance in the room, before any camera."""
    people = [synthetic_person(0, subject + 2 * i) for i in range(ACTIONS[name].num_people)]
    return perform(ACTIONS[name], people, np.random.default_rng(seed))


def test_another_seed_makes_other_clips():
    here, there = generate_clip(0, 3, 0, 2, 1), generate_clip(1, 3, 0, 2, 1)
    assert here.coordinates.shape != there.coordinates.shape or not np.allclose(
        here.coordinates, there.coordinates
    )
    offsets = [synthetic_person(seed, 3).offsets for seed in (0, 1)]
    assert not np.allclose(*offsets)


def test_clips_do_not_depend_on_the_order_of_generation(clips: list[SyntheticClip]):
    for clip in clips[::-53]:
        alone = generate_clip(0, clip.subject, clip.label, clip.camera, clip.repetition)
        np.testing.assert_array_equal(alone.coordinates, clip.coordinates)


def test_repeats_add_clips_and_leave_the_others_alone(clips: list[SyntheticClip]):
    by_name = {clip.name: clip for clip in clips}
    more = generate_synthetic(seed=0, repeats=2)
    first, second = next(more), next(more)
    np.testing.assert_array_equal(first.coordinates, by_name[first.name].coordinates)
    assert second.name == first.name.replace('R001', 'R002')
    assert second.name not in by_name


@pytest.mark.parametrize('name', ACTIONS)
def test_bones_keep_their_length(name: str):
    lengths = bone_lengths(act(name))
    assert np.ptp(lengths, axis=1).max() < 1e-9
    assert lengths.min() > 0.01


def test_subjects_differ_in_body_and_proportions():
    lengths = np.stack([bone_lengths(synthetic_standing(subject)) for subject in range(1, 21)])
    assert len(np.unique(lengths.round(6), axis=0)) == 20
    proportions = lengths / lengths.sum(1, keepdims=True)
    assert (proportions.std(0) / proportions.mean(0)).max() > 0.02
    mirror = LAYOUT.mirror
    offsets = synthetic_person(0, 1).offsets
    np.testing.assert_allclose(offsets[list(mirror)] * (-1, 1, 1), offsets)


def synthetic_standing(subject: int) -> np.ndarray:
    upright = np.zeros((LAYOUT.num_joints, 3))
    return stand_on_floor(forward_kinematics(upright, synthetic_person(0, subject).offsets))


def test_people_are_as_tall_as_people():
    # the joint of the head is in its middle
    heights = [synthetic_standing(subject)[LAYOUT.index('head'), 1] for subject in range(1, 21)]
    assert 1.25 < min(heights) < 1.6 < max(heights) < 2.0


def test_forward_kinematics_against_a_walk_along_each_chain():
    generator = np.random.default_rng(0)
    angles = generator.uniform(-np.pi, np.pi, (2, 3, LAYOUT.num_joints, 3))
    offsets = synthetic_person(0, 4).offsets
    places = forward_kinematics(angles, offsets)
    neighbours = {joint: set() for joint in LAYOUT.joints}
    for a, b in LAYOUT.bones:
        neighbours[a].add(b)
        neighbours[b].add(a)

    def chain_to(joint: str, path: tuple[str, ...] = ('spine_base',)) -> tuple[str, ...] | None:
        if path[-1] == joint:
            return path
        chains = (chain_to(joint, (*path, n)) for n in neighbours[path[-1]] - set(path))
        return next((chain for chain in chains if chain), None)

    for clip, frame in np.ndindex(2, 3):
        for joint in LAYOUT.joints:
            turn, place = Rotation.identity(), np.zeros(3)
            chain = chain_to(joint)
            for parent, child in pairwise(chain):
                x, y, z = angles[clip, frame, LAYOUT.index(parent)]
                turn = turn * Rotation.from_euler('YXZ', [y, x, z])
                place = place + turn.apply(offsets[LAYOUT.index(child)])
            np.testing.assert_allclose(places[clip, frame, LAYOUT.index(joint)], place, atol=1e-12)


def test_forward_kinematics_names_a_wrong_shape():
    with pytest.raises(ValueError, match=r'angles have shape \[5, 20, 3\]'):
        forward_kinematics(np.zeros((5, 20, 3)), np.zeros((25, 3)))


def test_bodies_have_the_handedness_of_the_kinect():
    places = synthetic_standing(1)
    right = places[LAYOUT.index('right_shoulder')] - places[LAYOUT.index('left_shoulder')]
    assert right[0] > 0.2
    # who faces the camera points the feet at it, against z
    assert places[LAYOUT.index('right_foot'), 2] < places[LAYOUT.index('right_ankle'), 2]


@pytest.mark.parametrize('name', ACTIONS)
def test_actions_start_at_rest_and_move(name: str):
    manner = Manner(1, 2, 0, 0, 0, 0.4)
    action = ACTIONS[name]
    for person in range(action.num_people):
        motion = action.motion(person, np.linspace(0, 1, 60), manner)
        assert np.isfinite(motion.angles).all()
        assert np.ptp(motion.angles, axis=0).max() > 20
        rest = -1 if name == 'stand up' else 0
        np.testing.assert_allclose(motion.angles[rest], 0, atol=1e-9)
        # no jerks: a joint turns less than 40 degrees from one frame to the next
        assert np.abs(np.diff(motion.angles, axis=0)).max() < 40


def test_standing_up_is_sitting_down_backwards():
    manner, progress = Manner(1, 2, 0.3, -0.5, 0.2, 0.4), np.linspace(0, 1, 41)
    down, up = (ACTIONS[name].motion(0, progress, manner) for name in ('sit down', 'stand up'))
    np.testing.assert_allclose(up.angles, down.angles[::-1], atol=1e-9)


@pytest.mark.parametrize('name', ['drink', 'phone call'])
def test_hand_reaches_the_head(name: str):
    motion = ACTIONS[name].motion(0, np.linspace(0, 1, 60), Manner(1, 2, 0, 0, 0, 0.4))
    places = forward_kinematics(np.deg2rad(motion.angles), synthetic_person(0, 1).offsets)
    hand, target = LAYOUT.index('right_hand'), LAYOUT.index('head')
    distance = np.linalg.norm(places[:, hand] - places[:, target], axis=-1)
    assert distance.min() < 0.25 < 0.6 < distance[0]


def test_a_mirrored_motion_is_the_mirror_image():
    motion = ACTIONS['throw'].motion(0, np.linspace(0, 1, 30), Manner(1, 2, 0.5, 0.5, 0.5, 0.4))
    offsets = synthetic_person(0, 1).offsets
    one, other = (
        forward_kinematics(np.deg2rad(m.angles), offsets) for m in (motion, motion.mirrored())
    )
    np.testing.assert_allclose(other, one[:, list(LAYOUT.mirror)] * (-1, 1, 1), atol=1e-12)


def test_either_hand_does_an_action():
    label = list(ACTIONS).index('wave')
    used = set()
    for subject in range(1, 21):
        clip = generate_clip(0, subject, label, 1, 1).coordinates[0]
        # measured along the trunk, which neither camera nor facing changes
        up = clip[:, LAYOUT.index('spine_shoulder')] - clip[:, LAYOUT.index('spine_base')]
        reach = [
            ((clip[:, LAYOUT.index(f'{side}_hand')] - clip[:, 0]) * up).sum(-1).max()
            for side in ('left', 'right')
        ]
        used.add(int(np.argmax(reach)))
    assert used == {0, 1}


def test_feet_stay_on_the_floor_but_in_a_jump():
    feet = [LAYOUT.index(f'{s}_{p}') for s in ('left', 'right') for p in ('ankle', 'foot')]
    for name in ACTIONS:
        lowest = act(name)[:, :, feet, 1].min(-1)
        if name == 'jump up':
            assert lowest.max() > 0.15
        else:
            np.testing.assert_allclose(lowest, 0, atol=1e-9)
        assert lowest.min() > -1e-9


@pytest.mark.parametrize('name', TWO_PEOPLE)
def test_people_who_meet_face_each_other(name: str):
    places = act(name)[:, 0]
    between = places[1, 0] - places[0, 0]
    shoulders = [LAYOUT.index(joint) for joint in LAYOUT.shoulders]
    for person, towards in zip(places, (between, -between)):
        right = person[shoulders[0]] - person[shoulders[1]]
        front = np.cross([0, 1, 0], right)
        cosine = front @ towards / np.linalg.norm(front) / np.linalg.norm(towards)
        assert cosine > 0.6
    assert 0.4 < np.linalg.norm(between[[0, 2]]) < 1.7


def test_number_of_people(clips: list[SyntheticClip]):
    names = list(ACTIONS)
    assert len(names) >= 12
    for clip in clips:
        people = 2 if names[clip.label] in TWO_PEOPLE else 1
        assert clip.coordinates.shape[0] == people
        assert clip.coordinates.shape[2:] == (25, 3)
        assert clip.coordinates.dtype == np.float32
        assert 40 <= clip.coordinates.shape[1] <= 120


def test_only_a_second_person_is_ever_lost(clips: list[SyntheticClip]):
    lost = []
    for clip in clips:
        assert np.isfinite(clip.coordinates).all()
        absent = ~clip.coordinates.any((2, 3))
        assert not absent[0].any()
        # a tracked person has all joints
        assert clip.coordinates[~absent].any(-1).all()
        if len(absent) == 2:
            lost.append(int(absent[1].sum()))
    assert 0.05 < np.mean(np.array(lost) > 0) < 0.5
    assert max(lost) <= 10


def test_people_are_before_the_camera(clips: list[SyntheticClip]):
    depth = np.array([np.median(clip.coordinates[0, :, 0, 2]) for clip in clips])
    assert depth.min() > 1.8
    assert depth.max() < 4.6
    assert 2.9 < depth.mean() < 3.5
    for clip in clips[:100]:
        head, pelvis = np.median(clip.coordinates[0][:, [LAYOUT.index('head'), 0], 1], axis=0)
        assert -1.2 < pelvis < head < 1.2


def test_cameras_see_the_same_scene_from_different_sides():
    places = act('bow')
    seen = [film(places, camera, np.random.default_rng(0)) for camera in (1, 2, 3)]
    for view in seen:
        np.testing.assert_allclose(bone_lengths(view), bone_lengths(places), atol=1e-9)
    rotations = [
        Rotation.align_vectors(*(view[0, 0] - view[0, 0, 0] for view in (other, seen[0])))[0]
        for other in seen[1:]
    ]
    assert [round(np.rad2deg(r.magnitude())) for r in rotations] == [45, 45]
    assert rotations[0].as_rotvec()[1] * rotations[1].as_rotvec()[1] < 0


def test_sensor_errors_are_larger_at_hands_and_correlated_in_time():
    clean = np.full((1, 100, 25, 3), 3.0)
    errors = np.concatenate(
        [add_sensor_errors(clean, np.random.default_rng(i)) - clean for i in range(40)]
    )
    # medians: lost joints are rare and far off
    typical = np.median(np.abs(errors), axis=(0, 1, 3))
    assert 0.002 < typical[LAYOUT.index('spine_mid')] < 0.01
    assert typical[LAYOUT.index('right_hand_tip')] > 1.5 * typical[LAYOUT.index('spine_mid')]
    spine = errors[:, :, LAYOUT.index('spine_mid')]
    later, sooner = np.clip(spine[:, 1:], -0.03, 0.03), np.clip(spine[:, :-1], -0.03, 0.03)
    assert 0.4 < np.corrcoef(later.ravel(), sooner.ravel())[0, 1] < 0.95
    stuck = (np.diff(errors, axis=1) == 0).all(-1)
    assert stuck.any()
    assert np.abs(errors).max() > 0.15


def test_length_does_not_tell_the_class(clips: list[SyntheticClip]):
    lengths = np.array([clip.coordinates.shape[1] for clip in clips])
    labels = np.array([clip.label for clip in clips])
    means = [lengths[labels == label].mean() for label in range(len(ACTIONS))]
    assert np.ptp(means) < lengths.std()


def test_file_is_whole(clips: list[SyntheticClip], data_file: Path):
    storage = ClipStorage(data_file)
    assert len(storage) == len(clips) == 20 * len(ACTIONS) * 3
    assert storage.names == [clip.name for clip in clips]
    assert storage.layout == LAYOUT
    assert storage.class_names == list(ACTIONS)
    assert storage.labels.bincount().tolist() == [60] * len(ACTIONS)
    assert data_file.stat().st_size < 60e6
    assert [path.name for path in data_file.parent.iterdir()] == [data_file.name]


def test_splits_by_subject_and_by_camera(data_file: Path):
    storage = ClipStorage(data_file)
    assert sorted(storage.splits) == SPLITS
    subject, camera = storage.columns['subject'], storage.columns['camera']
    expected = {
        'xsub_train': subject % 2 == 1,
        'xsub_test': subject % 2 == 0,
        'xview_train': (camera == 2) | (camera == 3),
        'xview_test': camera == 1,
    }
    for name, members in expected.items():
        assert storage.split(name).tolist() == members.nonzero()[:, 0].tolist()
    assert subject.unique().tolist() == list(range(1, 21))
    assert camera.unique().tolist() == [1, 2, 3]
    assert storage.columns['repetition'].unique().tolist() == [1]
    for position in (0, 500):
        digits = (camera[position], subject[position], storage.labels[position] + 1)
        expected_name = 'S001C{:03d}P{:03d}R001A{:03d}'.format(*(int(d) for d in digits))
        assert storage.names[position] == expected_name


def test_tool_makes_the_same_file_from_the_same_seed_and_a_dataset_opens_it(
    tmp_path: Path, data_file: Path
):
    out = tmp_path / 'made' / 'synthetic.safetensors'
    result = run_tool('data/make_synthetic.py', '--out', str(out), '--seed', '0', '--repeats', '1')
    assert result.returncode == 0, result.stderr
    assert 'clips    840' in result.stdout
    assert all(split in result.stdout for split in SPLITS)
    assert out.read_bytes() == data_file.read_bytes()
    train, test = (SkeletonDataset(out, split) for split in ('xsub_train', 'xsub_test'))
    assert len(train) == len(test) == 420
    assert not set(train.names) & set(test.names)
    sample = train[0]
    assert sample['clip'].shape[0] == 2
    assert sample['clip'].dtype == torch.float32
    assert sample['label'] == 0


def test_tool_says_what_is_wrong(tmp_path: Path):
    result = run_tool(
        'data/make_synthetic.py', '--out', str(tmp_path / 'x.safetensors'), '--repeats', '0'
    )
    assert result.returncode == 1
    assert result.stderr.strip() == 'make_synthetic.py: error: repeats is 0; expected 1 to 999'
    assert not list(tmp_path.iterdir())


def test_arguments_out_of_range(tmp_path: Path):
    with pytest.raises(ValueError, match='seed is -1'):
        generate_synthetic(seed=-1)
    with pytest.raises(ValueError, match='repeats is 0'):
        generate_synthetic(repeats=0)
    with pytest.raises(ValueError, match='seed is -2'):
        write_synthetic(tmp_path / 'x.safetensors', seed=-2)
    for wrong in ((0, 21, 0, 1, 1), (0, 1, len(ACTIONS), 1, 1), (0, 1, 0, 4, 1), (0, 1, 0, 1, 0)):
        with pytest.raises(ValueError, match='expected'):
            generate_clip(*wrong)
    assert not list(tmp_path.iterdir())
