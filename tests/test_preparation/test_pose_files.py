"""Files of pose estimators and motion capture, against what was written into them."""

import functools
import itertools
import json
import operator
import random
import re

import numpy as np
import pytest

from halp_mm.datasets import ClipStorage
from halp_mm.preparation import BadDataError, prepare_folder
from halp_mm.preparation.folder.formats import json_file, poses
from halp_mm.preparation.folder.formats.following import follow_people
from halp_mm.preparation.folder.pose_files import FORMATS
from halp_mm.preparation.raw_files import RawFiles
from tests.test_preparation import pose_files as written

WRITERS = {
    'openpose25': ('openpose', written.write_openpose, 25, 3),
    'openpose18': ('openpose', written.write_openpose, 18, 3),
    'coco17': ('alphapose', written.write_alphapose, 17, 3),
    'halpe26': ('alphapose', written.write_alphapose, 26, 3),
    'coco_wholebody133': ('mmpose', written.write_mmpose, 133, 3),
    'h36m17': ('mmpose', written.write_mmpose, 17, 4),
    'blazepose33': ('mediapipe', written.write_mediapipe, 33, 4),
    'azure_kinect': ('azure_kinect', written.write_azure, 32, 3),
}


def prepare(folder, names=('a', 'b'), **options):
    labels = folder.parent / 'labels.csv'
    rows = [f'{name},{"wave" if i else "nod"},train' for i, name in enumerate(names)]
    labels.write_text('\n'.join(['name,label,split', *rows]))
    out = folder.parent / 'out'
    options = {'layout': None, 'workers': 1, **options}
    return prepare_folder(folder, labels=labels, out=out, **options), ClipStorage(out)


@pytest.mark.parametrize('layout', WRITERS)
def test_people_come_back(tmp_path, layout):
    name, write, joints, channels = WRITERS[layout]
    clips = [written.two_people(joints, channels, seed=seed) for seed in range(2)]
    for clip, people in zip('ab', clips):
        write(tmp_path / 'mine', clip, people)
    summary, storage = prepare(tmp_path / 'mine')
    assert (storage.layout.name, storage.notes['format']) == (layout, name)
    for position, people in enumerate(clips):
        scale = 0.001 if name == 'azure_kinect' else 1
        expected = written.expected_clip(people, scale)
        np.testing.assert_allclose(storage.clip(position).numpy(), expected, rtol=1e-6)
    assert summary.people == {2: 2}


@pytest.mark.parametrize(
    'ids', [lambda m: m + 3, lambda m: [float(m), 9.0], lambda m: [[m]], lambda m: 0]
)
def test_track_ids_of_alphapose(tmp_path, ids):
    people = written.two_people(17)
    written.write_alphapose(tmp_path / 'mine', 'a', people, ids)
    summary, storage = prepare(tmp_path / 'mine', 'a')
    np.testing.assert_array_equal(storage.clip(0).numpy(), written.expected_clip(people))
    unused = next(names for way, names in summary.cleaning.items() if 'track ids' in way)
    assert len(unused) == (ids(0) == ids(1))


def test_the_inferencers_lists(tmp_path):
    people = written.two_people(17)
    written.write_mmpose(tmp_path / 'mine', 'a', people, with_meta=False)
    frames = [frame['instances'] for frame in written.mmpose_frames(people)]
    written.dump(tmp_path / 'mine' / 'b.json', frames)
    _, storage = prepare(tmp_path / 'mine')
    for position in range(2):
        np.testing.assert_array_equal(storage.clip(position), written.expected_clip(people))


def test_forms_of_landmarks(tmp_path):
    person = written.two_people(33, 4)[0].astype(np.float32)
    lists = [frame.tolist() for frame in person]
    presence = np.concatenate([person, person[..., :1]], -1)
    names = ('x', 'y', 'z', 'visibility')
    forms = [
        lists,
        [[frame] for frame in lists],
        {'frames': presence.tolist()},
        [[dict(zip(names, joint)) for joint in frame] for frame in lists],
        [{'landmarks': [frame]} for frame in lists],
    ]
    for i, form in enumerate(forms):
        written.dump(tmp_path / 'mine' / f'{i}.json', form)
    _, storage = prepare(tmp_path / 'mine', '01234')
    for position in range(len(forms)):
        np.testing.assert_array_equal(storage.clip(position).numpy()[0], person)


def test_world_and_image_landmarks_do_not_mix(tmp_path):
    people = written.two_people(33, 4)
    written.write_mediapipe(tmp_path / 'mine', 'a', people)
    written.write_mediapipe(tmp_path / 'mine', 'b', people, 'pose_landmarks')
    with pytest.raises(BadDataError, match=r'b\.json is of another kind of landmarks'):
        prepare(tmp_path / 'mine')


def test_bvh(tmp_path):
    values = [written.write_bvh(tmp_path / 'mine', clip, seed=i) for i, clip in enumerate('ab')]
    summary, storage = prepare(tmp_path / 'mine')
    layout = storage.layout
    assert list(layout.joints) == written.BVH_JOINTS
    assert (layout.center, layout.spine) == ('hips', ('hips', 'spine'))
    assert layout.shoulders == ('right_arm', 'left_arm')
    assert layout.left_right == (('left_arm', 'right_arm'), ('left_arm_end', 'right_arm_end'))
    for position, row in enumerate(values):
        np.testing.assert_allclose(
            storage.clip(position).numpy(), written.slow_bvh(row), atol=1e-3, rtol=0
        )
    assert 'frames a second: 30 in 2 clips' in str(summary)


def test_bvh_of_another_tree(tmp_path):
    written.write_bvh(tmp_path / 'mine', 'a')
    written.write_bvh(tmp_path / 'mine', 'b', tree=written.BVH_TREE.replace('Spine', 'Chest'))
    with pytest.raises(BadDataError, match=r'b\.bvh is of another joint tree'):
        prepare(tmp_path / 'mine')


def test_followed_like_by_trying_all_pairings():
    generator = np.random.default_rng(0)
    start = generator.uniform(0, 30, (3, 5, 2)) + np.array([0, 40, 80])[:, None, None]
    walk = start + generator.normal(0, 4, (20, 3, 1, 2)).cumsum(0)
    frames, poses = np.repeat(np.arange(20), 3), []
    for people in walk:
        poses += list(people[generator.permutation(3)])
    poses = np.array(poses)
    ids = follow_people(frames, poses, np.ones(poses.shape[:2], bool)).reshape(20, 3)
    for t in range(1, 20):
        earlier = dict(zip(ids[t - 1], poses[3 * t - 3 : 3 * t]))
        now = poses[3 * t : 3 * t + 3]
        best = min(
            itertools.permutations(earlier),
            key=lambda order: sum(
                np.linalg.norm(earlier[i] - pose, axis=-1).mean() for i, pose in zip(order, now)
            ),
        )
        assert tuple(ids[t]) == best


def test_somebody_far_away_or_much_later_is_somebody_else():
    pose = np.random.default_rng(0).uniform(0, 10, (4, 2))
    poses = np.array([pose, pose + 100, pose, pose])
    seen = np.ones(poses.shape[:2], bool)
    assert follow_people(np.array([0, 1, 2, 33]), poses, seen).tolist() == [0, 1, 0, 2]


def test_a_missing_frame_file(tmp_path):
    written.write_openpose(tmp_path / 'mine', 'a', written.two_people(25))
    (tmp_path / 'mine' / 'a' / f'video_{4:012d}_keypoints.json').unlink()
    with pytest.raises(ValueError, match='follows frame 3; expected a file for every frame'):
        prepare(tmp_path / 'mine', 'a')


def test_a_bad_first_file_is_one_of_the_problems(tmp_path):
    people = written.two_people(32)
    written.write_azure(tmp_path / 'mine', 'b', people)
    (tmp_path / 'mine' / 'a.json').write_text('{"frames": [')
    with pytest.raises(BadDataError, match=r'a\.json is no JSON file'):
        prepare(tmp_path / 'mine', format='azure_kinect')
    summary, storage = prepare(tmp_path / 'mine', format='azure_kinect', skip_bad=True)
    assert (storage.names, len(summary.problems)) == (['b'], 1)


def test_of_no_known_format(tmp_path):
    written.dump(tmp_path / 'mine' / 'a.json', {'poses': []})
    with pytest.raises(ValueError, match=r'a\.json is of no format that is known.* --format'):
        prepare(tmp_path / 'mine', 'a')
    (tmp_path / 'mine' / 'a.json').unlink()
    np.save(tmp_path / 'mine' / 'a.npy', np.ones((3, 25, 3)))
    with pytest.raises(ValueError, match='name the layout of arrays by --layout'):
        prepare(tmp_path / 'mine', 'a')


def test_arrays_beside_other_json_files_are_arrays(tmp_path):
    written.dump(tmp_path / 'mine' / 'a_layout.json', {'poses': []})
    np.save(tmp_path / 'mine' / 'a.npy', np.ones((3, 25, 3)))
    _, storage = prepare(tmp_path / 'mine', 'a', layout='kinect_v2')
    assert storage.names == ['a']


def test_another_number_of_joints(tmp_path):
    written.write_alphapose(tmp_path / 'mine', 'a', written.two_people(17))
    written.write_alphapose(tmp_path / 'mine', 'b', written.two_people(26))
    with pytest.raises(BadDataError, match=r'b\.json has people, frames, joints and coordinates'):
        prepare(tmp_path / 'mine')


def test_joints_that_were_not_found_do_not_count(tmp_path):
    """Zeros neither make somebody's energy large nor break a track."""
    people = written.two_people(17)
    people[0, 3:9, 4:] = 0
    written.write_alphapose(tmp_path / 'mine', 'a', people)
    _, storage = prepare(tmp_path / 'mine', 'a')
    np.testing.assert_array_equal(storage.clip(0).numpy(), written.expected_clip(people))


def test_files_are_bounded(tmp_path, monkeypatch):
    written.write_alphapose(tmp_path / 'mine', 'a', written.two_people(17))
    monkeypatch.setattr(json_file, 'MAX_BYTES', 1000)
    with pytest.raises(ValueError, match='expected at most 1000'):
        prepare(tmp_path / 'mine', 'a', format='alphapose')


BAD_VALUES = [None, 'x', True, -1, 2.5, 1e300, 10**400, 'NaN!', [], {}, [[1]], {'x': 1}]


@functools.cache
def places(text):
    """The way to every place in a JSON text."""

    def ways(content, way):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield (*way, key)
            if isinstance(value, (dict, list)):
                yield from ways(value, (*way, key))

    return list(ways(json.loads(text), ()))


def mutated(text, is_json, chance):
    """A damaged copy of a file."""
    way = chance.randrange(6)
    if way == 0 or (not is_json and way < 3):
        return text[: chance.randrange(len(text.rstrip()) - 1)]
    if not is_json:
        words = text.split(' ')
        words[chance.randrange(len(words))] = str(chance.choice(BAD_VALUES))
        return ' '.join(words)
    if way == 1:
        return '[' * 100_000 + text
    content = json.loads(text)
    *way, key = chance.choice(places(text))
    container = functools.reduce(operator.getitem, way, content)
    if way == 2:
        del container[key]
    else:
        container[key] = chance.choice(BAD_VALUES)
    return json.dumps(content).replace('"NaN!"', 'NaN')


def check_mutations(tmp_path, name, count):
    """A damaged file is refused, or is read as what stands in it."""
    write = {
        'bvh': lambda: written.write_bvh(tmp_path, 'a', frames=3),
        'openpose': lambda: written.write_openpose(tmp_path, 'a', written.two_people(25)),
        'alphapose': lambda: written.write_alphapose(
            tmp_path, 'a', written.two_people(17), lambda m: m
        ),
        'mmpose': lambda: written.write_mmpose(tmp_path, 'a', written.two_people(17)),
        'mediapipe': lambda: written.write_mediapipe(tmp_path, 'a', written.two_people(33, 4)),
        'azure_kinect': lambda: written.write_azure(tmp_path, 'a', written.two_people(32)),
    }[name]
    write()
    paths = tuple(sorted(path for path in tmp_path.rglob('*') if path.is_file()))
    files, text, chance = RawFiles('a', paths), paths[0].read_text(), random.Random(name)
    whole = FORMATS[name].parse(files).clips[0].coordinates
    refused = 0
    for _ in range(count):
        damaged = mutated(text, name != 'bvh', chance)
        paths[0].write_text(damaged)
        error, clip = result_of(files, name)
        if clip is None:
            assert str(tmp_path) in error
            assert len(error) < 1000
            refused += 1
        else:
            assert clip.shape[2:] == whole.shape[2:]
            assert only_holds_what_stands_in(clip, paths, name)
    assert refused > count // 3


def result_of(files, name):
    """The error, or the clip."""
    try:
        return '', FORMATS[name].parse(files).clips[0].coordinates
    except ValueError as error:
        return str(error), None


def only_holds_what_stands_in(clip, paths, name):
    """Whether a clip has no other numbers than its files; of motion, whether it is right."""
    texts = [path.read_text() for path in paths]
    if name == 'bvh':
        if not texts[0].startswith(written.BVH_TREE):
            return np.isfinite(clip).all()
        lines = texts[0].split('Frame Time:')[1].splitlines()[1:]
        values = np.array([[float(word) for word in line.split()] for line in lines])
        return np.allclose(clip, written.slow_bvh(values), atol=1e-2)
    numbers = [float(word) for text in texts for word in re.findall(r'-?\d[\d.e+-]*', text)]
    scale = 1000 if name == 'azure_kinect' else 1
    known = np.array([0.0, *(number for number in numbers if abs(number) < 1e30)]) / scale
    return np.isin(clip, known.astype(np.float32)).all()


@pytest.mark.parametrize('name', FORMATS)
def test_damaged_files(tmp_path, name, monkeypatch):
    monkeypatch.setattr(poses, 'MAX_NUMBERS', 10**6)  # a wrong frame number makes a long clip
    check_mutations(tmp_path, name, 200)
