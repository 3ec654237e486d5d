"""Inspection of data files: planted faults are found, clean clips are not accused."""

import re
from itertools import pairwise

import cv2
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from halp_mm.datasets import ClipStorage, ClipWriter
from halp_mm.inspection.clip_measures import (
    concatenate,
    digests,
    measure_absences,
    measure_tracks,
    read_chunks,
)
from halp_mm.inspection.inspection import KINDS, MAX_STEP, inspect_clips, train_test_pairs
from halp_mm.inspection.text import report
from halp_mm.skeletons import get_layout
from halp_mm.synthetic.actions import ACTIONS
from halp_mm.synthetic.clips import generate_clip
from tests.conftest import write_random_clips
from tests.runs import ROOT, run_tool

LAYOUT = get_layout('kinect_v2')
CLASSES = [*ACTIONS, 'never done']
MSR = ROOT / 'data' / 'msr_action3d.safetensors'


@pytest.fixture(scope='module')
def clean_clips() -> list[tuple[np.ndarray, int]]:
    """28 clips and their labels; the last 6 have two people."""
    made = [
        generate_clip(0, subject, label, camera=1, repetition=1)
        for label in range(len(ACTIONS))
        for subject in (1, 2)
    ]
    return [(clip.coordinates, clip.label) for clip in made]


def write(path, clips, layout='kinect_v2', splits=lambda i: ['train' if i % 2 else 'test']):
    with ClipWriter(path, layout, CLASSES, 'planted') as writer:
        for i, (clip, label) in enumerate(clips):
            writer.add(f'clip{i:02d}', clip, label, splits(i), subject=i % 7)
    return ClipStorage(path)


def found(storage) -> set[tuple[str, int]]:
    return {(s.kind, s.position) for s in inspect_clips(storage).suspicions}


def test_clean_clips_are_not_accused(clean_clips, tmp_path):
    assert found(write(tmp_path / 'clean', clean_clips)) == set()


def nobody(clip):
    clip[:] = 0


def nobody_for_a_while(clip):
    clip[:, 20:29] = 0


def jump(clip):
    clip[0, 30, LAYOUT.index('left_hand')] += (3, 0, 0)


def frozen(clip):
    clip[0, :, LAYOUT.index('right_foot')] = clip[0, 0, LAYOUT.index('right_foot')]


def never_seen(clip):
    clip[0, :, [LAYOUT.index('head'), LAYOUT.index('neck')]] = 0


def large(clip):
    center = clip[:, :, :1].copy()
    clip[:] = center + 2 * (clip - center)


def far(clip):
    clip[..., 0] += 30


@pytest.mark.parametrize(
    ('fault', 'kind', 'detail', 'frame'),
    [
        (nobody, 'no skeleton', r'\d+ frames', None),
        (nobody_for_a_while, 'nobody seen', r'9 of \d+ frames .*longest from 20 to 28', 20),
        (jump, 'jump', r'left_hand of person 0 by 1\.\d+ body lengths at frame 3[01]', (30, 31)),
        (frozen, 'frozen joint', 'right_foot of person 0', None),
        (never_seen, 'joint never seen', 'neck, head of person 0', None),
        (large, 'body size', r'person 0 is (1\.[89]|2\.[0-5])\d* times the median', None),
        (far, 'far away', r'person 0 is 1\d\.\d+ body lengths away', None),
    ],
)
def test_planted_faults_are_found(fault, kind, detail, frame, clean_clips, tmp_path):
    clips = [(clip.copy(), label) for clip, label in clean_clips]
    fault(clips[5][0])
    inspection = inspect_clips(write(tmp_path / 'planted', clips))
    assert {(s.kind, s.position, s.name) for s in inspection.suspicions} == {(kind, 5, 'clip05')}
    for suspicion in inspection.suspicions:
        assert re.fullmatch(detail, suspicion.detail), suspicion.detail
        assert suspicion.frame in (frame if isinstance(frame, tuple) else (frame,))
    assert f'{kind}: 1 clips ({KINDS[kind]})' in report(inspection)


def test_units_do_not_matter(clean_clips, tmp_path):
    clips = [(1000 * clip, label) for clip, label in clean_clips]
    assert found(write(tmp_path / 'millimetres', clips)) == set()
    jump_in_metres, label = clean_clips[3][0].copy(), clean_clips[3][1]
    jump(jump_in_metres)
    clips[3] = (1000 * jump_in_metres, label)
    assert found(write(tmp_path / 'jump', clips)) == {('jump', 3)}


def test_identical_clips(clean_clips, tmp_path):
    clips = [*clean_clips, (clean_clips[4][0].copy(), 0), (clean_clips[9][0][:, :-1], 0)]
    inspection = inspect_clips(write(tmp_path / 'twice', clips))
    assert [(s.kind, s.name, s.detail) for s in inspection.suspicions] == [
        ('identical', 'clip28', 'to clip04')
    ]


def test_equal_coordinates_of_other_shapes_are_not_identical(tmp_path):
    frames = np.random.default_rng(0).normal(size=(1, 12, 25, 3))
    storage = write(tmp_path / 'shapes', [(frames, 0), (frames.reshape(2, 6, 25, 3), 0)])
    (chunk,) = read_chunks(storage)
    assert len(set(digests(chunk))) == 2


def test_clips_in_no_split_or_in_both(clean_clips, tmp_path):
    splits = {3: [], 8: ['train', 'test'], 9: ['train', 'other_test']}
    storage = write(
        tmp_path / 'splits', clean_clips, splits=lambda i: splits.get(i, [['train', 'test'][i % 2]])
    )
    assert found(storage) == {('no split', 3), ('train and test', 8)}
    text = report(inspect_clips(storage))
    assert '1 clips are both in train and test' in text
    assert 'clip08: in train and test' in text


def test_pairs_of_splits():
    names = ['xsub_val', 'xsub_train', 'train', 'test', 'xview_train', 'all']
    assert train_test_pairs(names) == [('train', 'test'), ('xsub_train', 'xsub_val')]


def tamper(path, change):
    """Change the tensors of a data file, as another tool could write it."""
    with safe_open(path, framework='pt') as file:
        metadata = file.metadata()
    tensors = {key: tensor.clone() for key, tensor in load_file(path).items()}
    change(tensors)
    save_file(tensors, path, metadata)
    return ClipStorage(path)


def test_coordinates_that_are_no_numbers(clean_clips, tmp_path):
    path = tmp_path / 'strange'
    starts = np.cumsum([0] + [len(clip) * clip.shape[1] for clip, _ in clean_clips])
    write(path, clean_clips)

    def change(tensors):
        tensors['frames'][starts[2] + 7, 3, 1] = float('nan')
        tensors['frames'][starts[2] + 9, 4:6, 0] = float('-inf')
        tensors['frames'][starts[11] : starts[12]] = float('nan')
        tensors['frames'][starts[20] + 1, 0, 2] = 3e38

    inspection = inspect_clips(tamper(path, change))
    bad = inspection.of_kind('not finite')
    assert [(s.position, s.frame) for s in bad] == [(2, 7), (11, 0), (20, 1)]
    assert bad[0].detail == '3 coordinates of person 0, first in frame 7'
    others = {(s.kind, s.position) for s in inspection.suspicions} - {
        ('not finite', s.position) for s in bad
    }
    assert others == {('no skeleton', 11)}
    assert 'not finite: 3 clips' in report(inspection)


def test_counts_equal_brute_force(tmp_path):
    storage = ClipStorage(write_random_clips(tmp_path / 'random', num_clips=40))
    inspection = inspect_clips(storage)
    for split, members in storage.splits.items():
        for label in range(3):
            count = sum(int(storage.labels[i]) == label for i in members)
            assert inspection.class_counts[split][label] == count
    assert inspection.people_seen.tolist() == [1 + i % 2 for i in range(40)]
    text = report(inspection, everything=True)
    assert '1 in 20 clips, 2 in 20 clips' in text
    assert 'frames        20 to 137 a clip, median 78.5' in text
    bins = re.findall(r'^ +(\d+) to (\d+) +(\d+) (#*)', text, re.MULTILINE)
    lengths = storage.block.num_frames.tolist()
    assert len(bins) == 8
    assert (int(bins[0][0]), int(bins[-1][1])) == (20, 137)
    assert [int(last) + 1 for _, last, _, _ in bins[:-1]] == [int(row[0]) for row in bins[1:]]
    counts = [int(count) for _, _, count, _ in bins]
    assert sum(counts) == 40
    full = max(len(bar) for *_, bar in bins)
    assert full > 10
    for first, last, count, bar in bins:
        assert int(count) == sum(int(first) <= length <= int(last) for length in lengths)
        assert len(bar) == round(full * int(count) / max(counts))


def slow_track(person: np.ndarray, layout) -> dict:
    """Measures of a track ``[T, V, 3]`` with loops."""
    seen = [[bool(np.any(joint)) for joint in frame] for frame in person]
    shown = [t for t in range(len(person)) if any(seen[t])]
    spread = [int(np.floor(x)) for x in np.linspace(0, 1, 15) * (len(shown) - 1)]
    samples = [shown[i] for i in spread]
    lengths = {}
    for a, b in layout.bone_indices:
        values = [
            np.linalg.norm(person[t, a] - person[t, b])
            for t in samples
            if seen[t][a] and seen[t][b]
        ]
        lengths[a, b] = lengths[b, a] = np.median(values) if values else 0.0

    def longest(joint, before):
        branches = [
            lengths[joint, other] + longest(other, joint)
            for a, b in lengths
            for other in [b]
            if a == joint and other != before
        ]
        return max(branches, default=0.0)

    body = max(longest(joint, None) for joint in range(layout.num_joints))
    steps = {}
    for before, after in pairwise(range(len(person))):
        for joint in range(layout.num_joints):
            if seen[before][joint] and seen[after][joint]:
                step = np.linalg.norm(person[after, joint] - person[before, joint])
                steps[after, joint] = step
    frame, joint = max(steps, key=steps.get)
    centers = [np.mean([p for p, s in zip(person[t], seen[t]) if s], 0) for t in samples]
    return {
        'num_seen': len(shown),
        'body_length': body,
        'place': np.median(centers, 0),
        'largest_step': steps[frame, joint] / body,
        'step_frame': frame,
        'step_joint': joint,
        'never_seen': [not any(row[j] for row in seen) for j in range(layout.num_joints)],
    }


def dirty_clips() -> list[tuple[np.ndarray, int]]:
    """Clips with joints and frames that are missing."""
    generator = np.random.default_rng(1)
    clips = []
    for i in range(7):
        clip = generator.normal(size=(1 + i % 3, 16 + i, 25, 3)).astype(np.float32)
        clip[generator.random(clip.shape[:3]) < 0.2] = 0
        clip[:, generator.random(clip.shape[1]) < 0.3] = 0
        clip[0, :, i] = 0
        clips.append((clip, i))
    return clips


def test_measures_equal_slow_ones(tmp_path, monkeypatch):
    clips = dirty_clips()
    storage = write(tmp_path / 'dirty', clips)
    in_one = list(read_chunks(storage))
    monkeypatch.setattr('halp_mm.inspection.clip_measures._CHUNK_BYTES', 70 * 25 * 3 * 4)
    in_several = list(read_chunks(storage))
    assert len(in_one) == 1 < len(in_several) < len(clips)
    tracks = concatenate([measure_tracks(chunk) for chunk in in_several])
    absences = concatenate([measure_absences(chunk) for chunk in in_several])
    for field, value in vars(measure_tracks(in_one[0])).items():
        np.testing.assert_allclose(getattr(tracks, field), value, rtol=1e-6)
    track = 0
    for position, (clip, _) in enumerate(clips):
        empty = [not frame.any() for frame in clip.swapaxes(0, 1)]
        runs = ''.join('x' if gone else ' ' for gone in empty).split(' ')
        assert absences.num_frames[position] == sum(empty)
        assert absences.longest[position] == len(max(runs, key=len))
        if any(empty):
            start, longest = absences.start[position], absences.longest[position]
            assert all(empty[start : start + longest])
        for person in range(len(clip)):
            assert (tracks.clip[track], tracks.person[track]) == (position, person)
            for field, value in slow_track(clip[person].astype(np.float64), LAYOUT).items():
                np.testing.assert_allclose(getattr(tracks, field)[track], value, rtol=1e-5)
            assert any((tracks.example[track] == frame).all() for frame in clip[person])
            track += 1
    assert track == len(tracks.clip)


def poses(count: int = 12) -> list[tuple[np.ndarray, int]]:
    """Poses in an image, with scores: people of many sizes that stand and tremble."""
    generator = np.random.default_rng(2)
    body = generator.uniform(0, 100, (17, 2))
    clips = []
    for i in range(count):
        clip = np.empty((1, 30, 17, 3), np.float32)
        scale, place = generator.uniform(1, 3), generator.uniform(200, 400, 2)
        clip[..., :2] = scale * body + place + generator.normal(size=(30, 17, 2))
        clip[..., 2] = 0.9
        clips.append((clip, i))
    return clips


def test_poses_in_an_image(tmp_path):
    clips = poses()
    assert found(write(tmp_path / 'poses', clips, 'coco17')) == set()
    clips[2][0][0, 10:12, 9] = 0  # not found by the detector, so not a jump
    clips[4][0][0, 10:12, 9, :2] = 5000
    clips[4][0][0, 10:12, 9, 2] = 0  # a score of zero says the same
    clips[7][0][0, 10:12, 9, :2] = 5000
    for clip, _ in clips:
        clip[:, :, 16, 2] = 0
    storage = write(tmp_path / 'faults', clips, 'coco17')
    assert found(storage) == {('jump', 7)}
    inspection = inspect_clips(storage)
    assert inspection.missing_joints == ['right_ankle']
    assert 'never seen    right_ankle\n' in report(inspection)


def test_joint_must_move_fast_to_jump(clean_clips, tmp_path):
    for factor, expected in ((0.9, set()), (1.1, {('jump', 0)})):
        clip = np.repeat(clean_clips[0][0][:, :1], 12, axis=1)
        clip += np.random.default_rng(0).normal(0, 1e-6, clip.shape)
        storage = write(tmp_path / f'still{factor}', [(clip, 0)])
        body = inspect_clips(storage).tracks.body_length[0]
        # At the last frame, so that it does not come back. The thumb is in no longest chain.
        clip[0, -1, LAYOUT.index('left_thumb'), 1] += factor * MAX_STEP * body
        assert found(write(tmp_path / f'moved{factor}', [(clip, 0)])) == expected


def test_empty_file_of_nobody(tmp_path):
    inspection = inspect_clips(write(tmp_path / 'zero', [(np.zeros((1, 5, 25, 3)), 0)] * 3))
    assert {(s.kind, s.position) for s in inspection.suspicions} == {
        ('no skeleton', i) for i in range(3)
    }
    assert 'people seen   0 in 3 clips' in report(inspection)


def test_report_is_short_unless_asked(clean_clips, tmp_path):
    clips = [(clip.copy(), label) for clip, label in clean_clips]
    for clip, _ in clips[:9]:
        frozen(clip)
    inspection = inspect_clips(write(tmp_path / 'many', clips, splits=lambda i: []))
    short, long = report(inspection), report(inspection, everything=True)
    assert 'frozen joint: 9 clips' in short
    assert short.count(': right_foot of person 0') == 5
    assert 'and 4 more; --all lists all' in short
    assert long.count(': right_foot of person 0') == 9
    assert 'classes without clips: never done' in short
    assert 'none; a split is needed to train or test' in short


def test_tool_end_to_end(clean_clips, tmp_path):
    clips = [(clip.copy(), label) for clip, label in clean_clips]
    jump(clips[6][0])
    write(tmp_path / 'data', clips)
    done = run_tool('data/inspect_data.py', tmp_path / 'data', '--out', tmp_path / 'picture.png')
    assert done.returncode == 0, done.stderr
    assert 'planted: 28 clips, 15 classes' in done.stdout
    assert 'suspicious clips: 1 of 28' in done.stdout
    assert 'clip06: left_hand of person 0' in done.stdout
    assert done.stdout.endswith(f'written: {tmp_path / "picture.png"}\n')
    assert '28/28' in done.stderr
    picture = cv2.imread(str(tmp_path / 'picture.png'))
    assert min(picture.shape[:2]) > 700
    assert picture.std() > 10, 'an empty picture'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['data', 'picture.png']


@pytest.mark.parametrize('splits', [['train'], []])
def test_tool_on_a_file_without_labels(clean_clips, tmp_path, splits):
    with ClipWriter(tmp_path / 'data', 'kinect_v2', [], 'bare') as writer:
        for i, (clip, _) in enumerate(clean_clips[:5]):
            writer.add(f'clip{i}', clip, None, splits)
    done = run_tool('data/inspect_data.py', tmp_path / 'data', '--out', tmp_path / 'picture.png')
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == 'makes results wrong: nothing found'
    assert 'data set      bare: 5 clips, 0 classes, 5 without a label' in lines
    assert f'{"class":30}none; no clip has a label' in lines
    if splits:
        assert f'{"train":14}{5:8}{0:9}, 5 without a label' in lines
    assert cv2.imread(str(tmp_path / 'picture.png')).std() > 10, 'an empty picture'


def test_tool_on_a_file_with_some_labels(clean_clips, tmp_path):
    with ClipWriter(tmp_path / 'data', 'kinect_v2', ['sit', 'nod', 'wave'], 'some') as writer:
        for i, (clip, _) in enumerate(clean_clips[:6]):
            label = (0, None, 1)[i % 3]
            writer.add(f'clip{i}', clip, label, ['train' if i in (0, 1, 3) else 'test'])
    done = run_tool('data/inspect_data.py', tmp_path / 'data', '--out', tmp_path / 'picture.png')
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert '  1 of 3 classes have no clips: wave' in lines
    assert '  1 classes of test have no clip in train: nod' in lines
    assert f'{"train":14}{3:8}{1:9}{"0 to 2":>20}, 1 without a label' in lines
    assert f'{"test":14}{3:8}{1:9}{"0 to 2":>20}, 1 without a label' in lines


def test_tool_errors(tmp_path):
    done = run_tool('data/inspect_data.py', __file__, '--out', 'picture.png', cwd=tmp_path)
    assert done.returncode == 1
    assert re.match('inspect_data.py: error: .* is truncated or not a data file', done.stderr)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ''
    done = run_tool('data/inspect_data.py', 'data', '--out', 'picture.jpg', cwd=tmp_path)
    assert done.returncode == 1
    assert '--out is picture.jpg; expected a name that ends in .png' in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not MSR.is_file(), reason=f'MSR-Action3D is not at {MSR}')
def test_msr_action3d():
    inspection = inspect_clips(ClipStorage(MSR))
    assert len(inspection.storage) == len(inspection.people_seen) == 557
    assert {s.kind for s in inspection.suspicions} == {'jump'}
    # The tracker turns this man's left into his right while he bends.
    assert 'a13_s01_e02' in {s.name for s in inspection.suspicions}
