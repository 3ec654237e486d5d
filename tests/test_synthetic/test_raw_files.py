"""Synthetic clips as raw files; that they come back is tested with the tools that read them."""

import numpy as np
import pytest
import torch

from halp_mm.datasets import ClipStorage
from halp_mm.preparation import prepare_folder
from halp_mm.preparation.ntu.skeleton_file import read_skeleton_file
from halp_mm.synthetic import clips, write_raw_ntu, write_raw_pku, write_synthetic
from halp_mm.synthetic.raw_files import generate_raw_pku, skeleton_text
from tests.raw_ntu import standing_people
from tests.runs import run_tool


def test_swapped_slots_and_empty_frames(tmp_path):
    clip = standing_people(2, frames=40)
    clip[:, 3:6] = 0
    clip[1, 10] = 0
    path = tmp_path / 'x.skeleton'
    path.write_text(skeleton_text(clip, np.random.default_rng(0), swapped_slots=True))
    file = read_skeleton_file(path)
    counts = np.bincount(file.frames, minlength=40).tolist()
    assert counts == [0 if t in (3, 4, 5) else 1 if t == 10 else 2 for t in range(40)]
    first = [file.body_ids[file.frames == t][0] for t in range(40) if counts[t] == 2]
    assert len(set(first)) == 2


@pytest.mark.parametrize(('kind', 'seen'), [('brief', range(1, 11)), ('wide', [40])])
def test_spurious_body(tmp_path, kind, seen):
    path = tmp_path / 'x.skeleton'
    text = skeleton_text(standing_people(2, 40), np.random.default_rng(0), spurious_body=kind)
    path.write_text(text)
    ids = read_skeleton_file(path).body_ids
    counts = [int((ids == body).sum()) for body in np.unique(ids)]
    assert counts[:2] == [40, 40]
    assert counts[2] in seen


def test_spurious_body_that_does_not_exist():
    with pytest.raises(ValueError, match="spurious_body is 'chair'; expected 'brief', 'wide'"):
        skeleton_text(standing_people(), np.random.default_rng(0), spurious_body='chair')


def test_pku_videos():
    video = next(generate_raw_pku(part=1))
    assert (video.name, video.subject, video.camera) == ('1001-L', 1, 1)
    assert sorted(label for label, _, _ in video.actions) == list(range(14))
    ends = [0, *(end for _, _, end in video.actions)]
    assert all(end < start for end, (_, start, _) in zip(ends, video.actions))
    assert ends[-1] == len(video.frames)
    again = next(generate_raw_pku(part=1))
    assert again.frames.tobytes() == video.frames.tobytes()


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match='part is 3, repeats 1; expected 1 or 2, and 1 to 99'):
        write_raw_pku(tmp_path / 'x', part=3)
    with pytest.raises(ValueError, match='part is 1, repeats 10; expected 1 or 2, and 1 to 9'):
        write_raw_pku(tmp_path / 'x', part=1, repeats=10)
    with pytest.raises(ValueError, match='repeats is 0; expected 1 to 999'):
        write_raw_ntu(tmp_path / 'ntu', repeats=0)
    assert not (tmp_path / 'ntu').exists()


def test_tool_refuses_bad_arguments(tmp_path):
    done = run_tool(
        *('data/make_synthetic.py', '--format', 'pku', '--repeats', 0, '--out', tmp_path / 'x')
    )
    assert done.returncode == 1
    assert 'error: part is 2, repeats 0; expected' in done.stderr
    assert 'Traceback' not in done.stderr


def test_a_folder_of_arrays_becomes_the_data_file(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, 'NUM_SUBJECTS', 2)
    done = run_tool('data/make_synthetic.py', '--format', 'folder', '--out', tmp_path / 'clips')
    assert done.stdout == f'84 .npy files and labels.csv in {tmp_path / "clips"}\n'
    prepare_folder(tmp_path / 'clips', 'kinect_v2', None, tmp_path / 'read', workers=1)
    write_synthetic(tmp_path / 'written')
    ours, theirs = ClipStorage(tmp_path / 'read'), ClipStorage(tmp_path / 'written')
    assert sorted(ours.names) == sorted(theirs.names)
    assert ours.splits.keys() == theirs.splits.keys()
    for position, name in enumerate(ours.names):
        other = theirs.names.index(name)
        assert torch.equal(ours.clip(position), theirs.clip(other))
        label, expected = ours.labels[position], theirs.labels[other]
        assert ours.class_names[label] == theirs.class_names[expected]
        assert ours.columns['subject'][position] == theirs.columns['subject'][other]
