"""NW-UCLA: JSON files to a data file, and its copies."""

import json
import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from halp_mm.commands.prepare_nw_ucla import main
from halp_mm.datasets import ClipStorage
from halp_mm.preparation import RawFiles, prepare_nw_ucla
from halp_mm.preparation.nw_ucla.clip import parse_nw_ucla_clip

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get('HALP_MM_SHARED_DATA', REPOSITORY.parent / 'shared' / 'data'))
ZIP = SHARED / 'nw-ucla_all_sqe.zip'
NAMES = ['a01_s01_e00_v01', 'a03_s02_e01_v02', 'a08_s03_e00_v03', 'a12_s10_e02_v03']


def random_clip(frames: int, seed: int) -> np.ndarray:
    """``[T, 20, 3]`` with as many decimals as the raw files have."""
    return np.random.default_rng(seed).normal(size=(frames, 20, 3)).round(5)


def as_json(name: str, clip: np.ndarray) -> str:
    """A clip in the format of the raw files."""
    return json.dumps({'file_name': name, 'skeletons': clip.tolist(), 'label': 1})


def write(raw: Path, texts: dict[str, str], kind: str) -> Path:
    if kind == 'zip':
        with zipfile.ZipFile(raw, 'w', zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(f'all_sqe/{name}.json', text)
                archive.writestr(f'__MACOSX/all_sqe/._{name}.json', 'clutter')
        return raw
    for name, text in texts.items():
        path = raw / 'all_sqe' / f'{name}.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return raw


def small_data() -> dict[str, np.ndarray]:
    return {name: random_clip(3 + i, i) for i, name in enumerate(NAMES)}


def small_texts() -> dict[str, str]:
    return {name: as_json(name, clip) for name, clip in small_data().items()}


@pytest.mark.parametrize('kind', ['zip', 'folder'])
def test_files_become_clips(tmp_path, kind):
    raw = write(tmp_path / 'raw', small_texts(), kind)
    summary = prepare_nw_ucla(raw, tmp_path / 'out', workers=1)
    storage = ClipStorage(tmp_path / 'out')
    assert storage.names == NAMES
    for position, name in enumerate(NAMES):
        clip = storage.clip(position).numpy()
        assert clip.tobytes() == small_data()[name].astype(np.float32)[None].tobytes()
    assert storage.labels.tolist() == [0, 2, 6, 9]
    assert storage.class_names[6] == 'donning'
    assert storage.columns['action'].tolist() == [1, 3, 8, 12]
    assert storage.columns['subject'].tolist() == [1, 2, 3, 10]
    assert storage.columns['repetition'].tolist() == [0, 1, 0, 2]
    assert storage.columns['view'].tolist() == [1, 2, 3, 3]
    assert storage.split('xsub_train').tolist() == [0, 2]
    assert storage.split('xsub_test').tolist() == [1, 3]
    assert storage.split('xview_train').tolist() == [0, 1]
    assert storage.split('xview_test').tolist() == storage.split('xview_clean_test').tolist()
    assert storage.split('xview_test').tolist() == [2, 3]
    assert storage.layout.name == 'kinect_v1'
    assert summary.left_out == {}


def test_copies_shared_frames_and_single_frames(tmp_path):
    clips = small_data()
    copy, original = 'a02_s01_e00_v03', 'a02_s01_e00_v02'  # the copy's name comes later or earlier
    early, late = 'a01_s04_e00_v03', 'a05_s04_e00_v01'
    clips[copy] = clips[original] = random_clip(6, 10)
    clips[early] = clips[late] = random_clip(1, 11)
    clips['a08_s03_e00_v03'][1:3] = clips['a01_s01_e00_v01'][:2]
    almost = 'a02_s05_e00_v03'
    clips[almost] = clips[original].copy()
    clips[almost][3, 7, 2] += 1e-4
    texts = {name: as_json(name, clip) for name, clip in clips.items()}
    summary = prepare_nw_ucla(write(tmp_path / 'raw', texts, 'folder'), tmp_path / 'out', workers=1)
    storage = ClipStorage(tmp_path / 'out')
    in_test, clean = (
        {storage.names[i] for i in storage.split(split)}
        for split in ('xview_test', 'xview_clean_test')
    )
    assert in_test - clean == {copy, early}
    assert almost in clean
    assert summary.remarks == [
        f'copies of training clips in xview_test: 2: {early} of {late}, {copy} of {original}',
        'other pairs of clips that share frames: 2: '
        f'a01_s01_e00_v01 and a08_s03_e00_v03 (2), {original} and {almost} (5)',
        f'clips of one frame: 2: {early}, {late}',
    ]


GOOD = random_clip(2, 0).tolist()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('', 'is no JSON'),
        (b'\xff\xfe\x00', 'is no JSON'),
        ('[' * 100_000, 'is no JSON'),
        (as_json(NAMES[0], random_clip(3, 0))[:-300], 'is no JSON'),
        (as_json(NAMES[0], np.full((1, 20, 3), np.nan)), 'NaN is no coordinate'),
        (as_json(NAMES[0], np.full((1, 20, 3), np.inf)), 'Infinity is no coordinate'),
        (json.dumps([1]), r'holds list; expected \{"file_name"'),
        (json.dumps({'frames': GOOD}), r"holds \['frames'\]"),
        (as_json(NAMES[1], random_clip(3, 0)), f"says that it is clip '{NAMES[1]}'"),
        (as_json(NAMES[0], random_clip(3, 0)[:, :19]), r'of shape \[3, 19, 3\]'),
        (as_json(NAMES[0], random_clip(3, 0)[..., :2]), r'of shape \[3, 20, 2\]'),
        (as_json(NAMES[0], np.zeros((0, 20, 3))), r'of shape \[0\]'),
        (json.dumps({'skeletons': [GOOD[0], GOOD[1][:5]]}), 'different numbers of joints'),
        (json.dumps({'skeletons': {'0': GOOD}}), 'not all of them numbers'),
        (json.dumps({'skeletons': [[['1.5', '2', '3']] * 20]}), 'not all of them numbers'),
        (json.dumps({'skeletons': [[[1, 2, 10**40]] * 20]}), 'not all of them numbers'),
        ('{"skeletons": [' + str([[1, 2, '1e999']] * 20).replace("'", '') + ']}', 'infinite'),
    ],
)
@pytest.mark.parametrize('kind', ['zip', 'folder'])
def test_file_that_is_no_clip(tmp_path, content, message, kind):
    raw = write(tmp_path / 'raw', small_texts(), 'folder')
    path = raw / 'all_sqe' / f'{NAMES[0]}.json'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if kind == 'zip':
        with zipfile.ZipFile(tmp_path / 'raw.zip', 'w') as archive:
            for file in raw.rglob('*.json'):
                archive.write(file, file.name)
        raw = tmp_path / 'raw.zip'
    with pytest.raises(ValueError, match=rf'{NAMES[0]}\.json.*{message}'):
        prepare_nw_ucla(raw, tmp_path / 'out', workers=1)
    assert not (tmp_path / 'out').exists()
    summary = prepare_nw_ucla(raw, tmp_path / 'out', workers=1, skip_bad=True)
    assert summary.left_out == {'bad': NAMES[:1]}
    assert ClipStorage(tmp_path / 'out').names == NAMES[1:]


@pytest.mark.parametrize('number', ['a07_s01_e00_v01', 'a01_s11_e00_v01', 'a01_s01_e00_v04'])
def test_names_of_clips_that_do_not_exist(tmp_path, number, capsys):
    raw = write(tmp_path / 'raw', small_texts() | {number: '{}'}, 'folder')
    assert main([str(raw), '--out', str(tmp_path / 'out')]) == 1
    error = capsys.readouterr().err
    assert f'{number}.json is of action' in error
    assert 'expected actions 1, 2, 3, 4, 5, 6, 8, 9, 11, 12' in error


def test_not_the_data_set(tmp_path):
    raw = write(tmp_path / 'raw', {'readme': 'x'}, 'folder')
    with pytest.raises(ValueError, match=r'has 1 files, none of them a clip; expected files aAA'):
        prepare_nw_ucla(raw, tmp_path / 'out')
    with pytest.raises(FileNotFoundError, match='expected the zip file of NW-UCLA'):
        prepare_nw_ucla(tmp_path / 'none', tmp_path / 'out')


def test_mutated_files_are_refused_or_read_as_they_are(tmp_path):
    """Against plain json: whatever is accepted is what the file says."""
    draw, refused = random.Random(0), []
    text = small_texts()[NAMES[0]].encode()
    path = tmp_path / f'{NAMES[0]}.json'
    for _ in range(200):
        content = bytearray(text)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(content))
            if draw.random() < 0.3:
                del content[place : place + draw.randint(1, 40)]
            else:
                content[place] = draw.randrange(256)
        path.write_bytes(content)
        try:
            (clip,) = parse_nw_ucla_clip(RawFiles(NAMES[0], (path,))).clips
        except ValueError as error:
            refused.append(str(error))
        else:
            expected = np.array(json.loads(content)['skeletons'], np.float32)
            assert expected.shape[1:] == (20, 3)
            np.testing.assert_array_equal(clip.coordinates, expected[None])
    assert len(refused) >= 60
    assert all(str(path) in text for text in refused)


@pytest.mark.skipif(
    not ZIP.is_file(), reason=f'needs {ZIP.name} in ../shared/data or $HALP_MM_SHARED_DATA'
)
def test_real_data(tmp_path):
    summary = prepare_nw_ucla(ZIP, tmp_path / 'out')
    assert summary.clips == 1484
    assert summary.splits == {
        **{'xsub_train': 724, 'xsub_test': 760},
        **{'xview_train': 1020, 'xview_test': 464, 'xview_clean_test': 464 - 95},
    }
    assert summary.frames == [1, 201]
    assert summary.remarks[0].startswith('copies of training clips in xview_test: 95: a02_s01')
    assert summary.remarks[1].startswith('other pairs of clips that share frames: 18: ')
    assert summary.remarks[2] == 'clips of one frame: 2: a02_s09_e04_v02, a02_s09_e04_v03'
