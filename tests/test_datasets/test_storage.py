"""Data files: written whole or not at all, read lazily, damage told from data."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader

from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset, pad_clips
from halp_mm.problems import BadClipError
from halp_mm.skeletons import get_layout
from tests.conftest import write_random_clips

REPOSITORY = Path(__file__).parents[2]
CLASSES = ['sit', 'stand']


def ones(people: int = 1, frames: int = 4, joints: int = 20, channels: int = 3) -> np.ndarray:
    return np.ones((people, frames, joints, channels), np.float32)


def write_ones(path: Path, **columns: int) -> Path:
    with ClipWriter(path, 'msr_action3d', CLASSES, 'ones') as writer:
        writer.add('clip', ones(), 0, ['train'], **columns)
    return path


def run_python(code: str, *arguments: object) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, '-c', code, *map(str, arguments)],
        env=os.environ | {'PYTHONPATH': str(REPOSITORY), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_round_trip_is_equal_bit_by_bit(tmp_path):
    generator = np.random.default_rng(1)
    clips = {
        f'clip {i} ü': generator.normal(size=(1 + i % 3, 1 + 2 * i, 20, 3)).astype(np.float32)
        for i in range(7)
    }
    with ClipWriter(tmp_path / 'new' / 'c.safetensors', 'msr_action3d', CLASSES, 'mine') as writer:
        for i, (name, clip) in enumerate(clips.items()):
            splits = ['all'] + ['odd'] * (i % 2)
            writer.add(name, clip, label=i % 2, splits=splits, subject=10 * i)
        writer.notes = {'said': ['this', 1]}
    storage = ClipStorage(tmp_path / 'new' / 'c.safetensors')
    assert storage.names == list(clips)
    for position, clip in enumerate(clips.values()):
        stored = storage.clip(position).numpy()
        assert stored.shape == clip.shape
        assert stored.tobytes() == clip.tobytes()
    assert storage.labels.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert storage.columns['subject'].tolist() == [0, 10, 20, 30, 40, 50, 60]
    assert storage.split('all').tolist() == list(range(7))
    assert storage.split('odd').tolist() == [1, 3, 5]
    assert storage.layout == get_layout('msr_action3d')
    assert storage.class_names == CLASSES
    assert storage.dataset == 'mine'
    assert storage.notes == {'said': ['this', 1]}
    assert len(storage) == 7


def test_clips_lie_in_the_file_whatever_becomes_of_what_they_were_made_of(tmp_path):
    classes, clip = [*CLASSES], np.random.default_rng(0).normal(size=(3, 20, 5, 2))
    path = tmp_path / 'new' / 'folder' / 'c'
    with ClipWriter(path, 'msr_action3d', classes, 'x') as writer:
        classes.append('later')
        writer.add('turned', clip.T, 0)  # [2, 5, 20, 3], in another order in memory
        clip[:] = 0
    storage = ClipStorage(path)
    assert storage.class_names == CLASSES
    assert storage.clip(0).shape == (2, 5, 20, 3)
    assert storage.clip(0).all()
    assert torch.equal(storage.clip(0).flatten(0, 1), storage.block.frames[:])


def test_own_layout_travels_in_the_file(tmp_path):
    layout = {'name': 'pair', 'joints': ['a', 'b'], 'bones': [['a', 'b']], 'center': 'a'}
    with ClipWriter(tmp_path / 'c', layout, CLASSES, 'x') as writer:
        writer.add('clip', ones(joints=2), 0)
    assert ClipStorage(tmp_path / 'c').layout == get_layout(layout)


def test_file_is_readable_by_the_safetensors_library(random_clips):
    tensors, storage = load_file(random_clips), ClipStorage(random_clips)
    assert torch.equal(tensors['frames'], storage.block.frames[:])
    assert torch.equal(tensors['label'], storage.labels)
    with safe_open(random_clips, framework='np') as file:
        assert file.metadata()['dataset'] == 'random'
        assert file.get_tensor('num_frames').tolist() == storage.block.num_frames.tolist()


@pytest.mark.parametrize('num_clips', range(1, 10))
def test_tensors_are_aligned(tmp_path, num_clips):
    with ClipWriter(tmp_path / 'c', 'kinect_v2', CLASSES, 'x') as writer:
        for i in range(num_clips):
            writer.add(f'c{i}', ones(frames=1, joints=25), 0, ['train'])
    for tensor in load_file(tmp_path / 'c').values():
        assert tensor.data_ptr() % tensor.element_size() == 0
    assert ClipStorage(tmp_path / 'c').names == [f'c{i}' for i in range(num_clips)]


def test_error_inside_the_block_leaves_nothing(tmp_path):
    def write():
        with ClipWriter(tmp_path / 'c', 'msr_action3d', CLASSES, 'x') as writer:
            writer.add('clip', ones(), 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []


def test_error_inside_the_block_keeps_the_older_file(tmp_path):
    older = write_ones(tmp_path / 'c').read_bytes()

    def write():
        with ClipWriter(tmp_path / 'c', 'msr_action3d', CLASSES, 'x') as writer:
            writer.add('other', ones(frames=99), 0)
            writer.add('other', ones(), 0)

    with pytest.raises(ValueError, match='names must be unique'):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ['c']
    assert (tmp_path / 'c').read_bytes() == older


def test_new_file_replaces_the_older_one_while_it_is_mapped(tmp_path):
    older = ClipStorage(write_random_clips(tmp_path / 'c', 'msr_action3d'))
    first = older.clip(0).clone()
    write_ones(tmp_path / 'c')
    assert torch.equal(older.clip(0), first)
    assert ClipStorage(tmp_path / 'c').clip(0).eq(1).all()


FULL_DISK = """
import os, resource, signal, sys
from pathlib import Path
from tests.conftest import write_random_clips
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, *limits = sys.argv[1:]
for limit in map(int, limits):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_random_clips(Path(path), num_clips=12)
        print(limit, 'written')
    except OSError as error:
        print(limit, 'refused', os.listdir(Path(path).parent))
"""


def test_full_disk_is_an_error_and_keeps_the_older_file(tmp_path):
    path, older = tmp_path / 'c', write_ones(tmp_path / 'c').read_bytes()
    size = write_random_clips(tmp_path / 'whole').stat().st_size
    (tmp_path / 'whole').unlink()
    # within the frames, at the last of them, within the index, at the very last byte
    limits = [1, 1 << 18, size // 2, size - 2000, size - 300, size - 100, size - 1]
    printed = run_python(FULL_DISK, path, *limits).splitlines()
    assert printed == [f"{limit} refused ['c']" for limit in limits]
    assert path.read_bytes() == older
    assert run_python(FULL_DISK, path, size) == f'{size} written\n'
    assert len(ClipStorage(path)) == 12


FULL_FOR_A_WHILE = """
import resource, signal, sys
import numpy as np
from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
clip = np.ones((1, 70, 20, 3), np.float32)
for room in range(0, 3 * clip.nbytes, 1000):
    try:
        with ClipWriter(sys.argv[1], 'msr_action3d', ['nod'], 'x') as writer:
            limit = 8 + (1 << 18) + room
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                for name in 'abc':
                    writer.add(name, clip, 0)
            finally:
                unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    except OSError:
        print('refused')
        continue
    assert ClipStorage(sys.argv[1]).block.frames[:].eq(1).all(), room
    print('written')
"""


def test_disk_that_is_full_for_a_while_loses_no_frames(tmp_path):
    printed = run_python(FULL_FOR_A_WHILE, tmp_path / 'c').splitlines()
    assert {'refused', 'written'} == set(printed)  # where a buffer held the rest, nothing is lost


@pytest.mark.parametrize(
    ('name', 'clip', 'label', 'columns', 'message'),
    [
        ('clip', ones(), 0, {'subject': 1}, "'clip': names must be unique"),
        ('', ones(), 0, {'subject': 1}, 'not empty'),
        ('a\nb', ones(), 0, {'subject': 1}, 'on one line'),
        ('b', ones(joints=25), 0, {'subject': 1}, r'\[1, 4, 25, 3\]; expected .*20 joints of'),
        ('b', ones()[0], 0, {'subject': 1}, r'shape \[4, 20, 3\]'),
        ('b', ones(frames=0), 0, {'subject': 1}, 'none of them empty'),
        ('b', ones(people=0), 0, {'subject': 1}, 'none of them empty'),
        ('b', ones(channels=2), 0, {'subject': 1}, "'b' has 2 numbers a joint; the clips"),
        ('b', ones() * np.nan, 0, {'subject': 1}, "'b' has 240 coordinates that are NaN"),
        ('b', ones() * np.inf, 0, {'subject': 1}, 'infinite'),
        ('b', ones(), 2, {'subject': 1}, "'b' has label 2; expected 0 to 1"),
        ('b', ones(), -1, {'subject': 1}, 'label -1'),
        ('b', ones(), 0, {}, r"columns \[\]; others \['column/subject'\]"),
        ('b', ones(), 0, {'subject': 1, 'camera': 1}, r"columns \['camera', 'subject'\]"),
    ],
)
def test_clip_that_cannot_be_stored(tmp_path, name, clip, label, columns, message):
    def write():
        with ClipWriter(tmp_path / 'c', 'msr_action3d', CLASSES, 'x') as writer:
            writer.add('clip', ones(), 0, subject=1)
            writer.add(name, clip, label, **columns)

    with pytest.raises(ValueError, match=message):
        write()
    assert list(tmp_path.iterdir()) == []


def test_no_clips_at_all(tmp_path):
    def write():
        with ClipWriter(tmp_path / 'c', 'msr_action3d', CLASSES, 'x'):
            pass

    with pytest.raises(ValueError, match='no clips were added'):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('length', [10, 1 << 17, 1 << 18, 1 << 20])
def test_notes_of_any_length(tmp_path, length):
    notes = {'long': 'ü' + 'x' * length, 'more': [1, {'a': None}]}
    with ClipWriter(tmp_path / 'c', 'msr_action3d', CLASSES, 'x') as writer:
        writer.add('clip', ones(), 0, ['train'], subject=3)
        writer.notes = notes
    storage = ClipStorage(tmp_path / 'c')
    assert storage.notes == notes
    assert storage.clip(0).numpy().tobytes() == ones().astype(np.float32).tobytes()
    assert storage.columns['subject'].tolist() == [3]
    assert storage.split('train').tolist() == [0]


def test_class_names_too_long(tmp_path):
    def write():
        with ClipWriter(tmp_path / 'c', 'msr_action3d', ['x' * (1 << 18)], 'x') as writer:
            writer.add('clip', ones(), 0)

    with pytest.raises(ValueError, match=r'class names .* take \d+ bytes; at most .* Shorten'):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('kept', [0, 1, 7, 8, 100, 1 << 17, 8 + (1 << 18), -1000, -1])
def test_truncated_file(random_clips, kept):
    content = random_clips.read_bytes()
    random_clips.write_bytes(content[:kept])
    message = r'random\.safetensors \(\d+ bytes\) is truncated.*Make it again'
    with pytest.raises(ValueError, match=message):
        ClipStorage(random_clips)


@pytest.mark.parametrize('content', [b'clip,label\nwave,1\n' * 50, b'\0' * 500, b'{}'])
def test_file_of_another_kind(tmp_path, content):
    (tmp_path / 'c').write_bytes(content)
    with pytest.raises(ValueError, match='not a data file'):
        ClipStorage(tmp_path / 'c')


@pytest.mark.parametrize('metadata', [None, {'format': 'pt'}])
def test_safetensors_file_of_others(tmp_path, metadata):
    save_file({'weight': torch.ones(3)}, tmp_path / 'c', metadata)
    with pytest.raises(ValueError, match="expected 'halp_mm clips 1'"):
        ClipStorage(tmp_path / 'c')


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / 'none', tmp_path):
        with pytest.raises(FileNotFoundError, match=str(path)):
            ClipStorage(path)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'label': torch.zeros(3, dtype=torch.int64)}, '3 entries of label for 12 names'),
        ({'column/subject': torch.zeros(9, dtype=torch.int64)}, '9 entries of subject for'),
        ({'num_frames': torch.ones(5, dtype=torch.int64)}, '5 entries of num_frames'),
        ({'num_frames': torch.ones(12, dtype=torch.int64)}, 'where the index needs 18'),
        ({'num_frames': torch.zeros(12, dtype=torch.int64)}, 'without frames or people'),
        ({'num_people': torch.ones(12, dtype=torch.int64)}, 'where the index needs'),
        ({'label': torch.full((12,), 3)}, 'labels outside the 3 classes'),
        ({'label': torch.full((12,), -2)}, 'labels outside the 3 classes'),
        ({'split/train': torch.tensor([0, 12])}, "split 'train' points outside the 12 clips"),
        ({'split/train': torch.tensor([-1])}, "split 'train' points outside the 12 clips"),
        ({'frames': torch.zeros(649, 24, 3)}, "24 joints where layout 'kinect_v2' has 25"),
        ({'frames': None}, r"lacks \['frames'\]"),
        ({'num_people': None}, r"lacks \['num_people'\]"),
    ],
)
def test_index_that_contradicts_itself(random_clips, changes, message):
    tensors = {key: tensor.clone() for key, tensor in load_file(random_clips).items()} | changes
    with safe_open(random_clips, framework='pt') as file:
        metadata = file.metadata()
    tensors = {key: tensor for key, tensor in tensors.items() if tensor is not None}
    save_file(tensors, random_clips, metadata)
    with pytest.raises(ValueError, match=message):
        ClipStorage(random_clips)


def test_file_without_a_layout(random_clips):
    tensors = {key: tensor.clone() for key, tensor in load_file(random_clips).items()}
    metadata = {'format': 'halp_mm clips 1', 'dataset': 'x', 'class_names': json.dumps(CLASSES)}
    save_file(tensors, random_clips, metadata)
    with pytest.raises(ValueError, match=r"lacks \['layout', 'notes'\]"):
        ClipStorage(random_clips)


def test_unknown_and_empty_split(random_clips):
    tensors = {key: tensor.clone() for key, tensor in load_file(random_clips).items()}
    with safe_open(random_clips, framework='pt') as file:
        metadata = file.metadata()
    tensors['split/none'] = torch.zeros(0, dtype=torch.int64)
    save_file(tensors, random_clips, metadata)
    storage = ClipStorage(random_clips)
    with pytest.raises(ValueError, match=r"no split 'val'; its splits are \['none', 'test', 'tr"):
        storage.split('val')
    with pytest.raises(ValueError, match=r"split 'none' of .*random\.safetensors is empty"):
        storage.split('none')


LAZY = """
import os, sys
import torch
from halp_mm.datasets import ClipStorage
def mapped_mb():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20
ClipStorage(sys.argv[1])  # whatever is loaded once is loaded now
start = mapped_mb()
storage = ClipStorage(sys.argv[2])
opened = mapped_mb()
storage.clip(3).sum()
one = mapped_mb()
frames = storage.block.frames[:]
print(opened - start, one - opened, mapped_mb() - one)
"""


@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='needs Linux, for its /proc')
def test_opening_a_file_does_not_read_its_frames(tmp_path, random_clips):
    with ClipWriter(tmp_path / 'big', 'kinect_v2', CLASSES, 'big') as writer:
        for i in range(16):  # 96 MB
            writer.add(str(i), ones(frames=20000, joints=25), 0)
    opened, one, rest = map(float, run_python(LAZY, random_clips, tmp_path / 'big').split())
    assert opened < 10
    assert one < 40
    assert rest > 50


def test_cut_off_while_it_is_open(random_clips):
    storage = ClipStorage(random_clips)
    clips = [storage.clip(i) for i in range(len(storage))]
    size = random_clips.stat().st_size
    with random_clips.open('r+b') as file:
        file.truncate(size - 100_000)
    assert storage.labels.tolist() == [i % 3 for i in range(len(storage))]
    assert storage.split('train').tolist()
    assert torch.equal(storage.clip(0), clips[0])
    expected = re.escape(f'{random_clips} was cut off since it was opened: ')
    for read in (lambda: storage.clip(11), lambda: storage.block.frames[np.array([0, 700])]):
        with pytest.raises(BadClipError, match=expected + r'\d+ bytes are missing at \d+\. Make'):
            read()


def test_deleted_or_replaced_while_it_is_open(random_clips):
    storage = ClipStorage(random_clips)
    clip = storage.clip(11)
    random_clips.unlink()
    random_clips.write_bytes(b'')
    assert torch.equal(storage.clip(11), clip)


def test_rows_of_frames(random_clips):
    storage = ClipStorage(random_clips)
    with safe_open(random_clips, framework='pt') as file:
        frames = file.get_tensor('frames')
    read = storage.block.frames
    assert read.shape == frames.shape
    assert torch.equal(read[:], frames)
    assert torch.equal(read[7:7], frames[7:7])
    rows = np.array([[5, 0, 5], [len(frames) - 1, 2, 3]])
    assert torch.equal(read[rows], frames[rows])


def test_frames_of_another_type(random_clips):
    with safe_open(random_clips, framework='pt') as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    tensors['frames'] = tensors['frames'].double()
    save_file(tensors, random_clips, metadata)
    with pytest.raises(ValueError, match=r'are F64 \[\d+, 25, 3\]; expected F32'):
        ClipStorage(random_clips)


@pytest.mark.parametrize('without_preadv', [False, True])
def test_workers_say_in_one_line_that_a_file_was_cut_off(random_clips, without_preadv, monkeypatch):
    if without_preadv:
        monkeypatch.delattr(os, 'preadv')
    dataset = SkeletonDataset(random_clips, 'train')
    assert torch.equal(dataset[3]['clip'], SkeletonDataset(random_clips, 'train')[3]['clip'])
    with random_clips.open('r+b') as file:
        file.truncate(random_clips.stat().st_size - 100_000)
    loader = DataLoader(dataset, 4, num_workers=1, collate_fn=pad_clips)
    with pytest.raises(BadClipError) as raised:
        list(loader)
    assert re.fullmatch(r'[^\n]* was cut off since it was opened: [^\n]*', str(raised.value))


def test_other_changes_of_an_open_file_do_no_harm(random_clips, tmp_path):
    dataset = SkeletonDataset(random_clips, 'train')
    with random_clips.open('ab') as file:
        file.write(b'more')
    assert dataset[0]['clip'].any()
    (tmp_path / 'small').write_bytes(b'smaller')
    (tmp_path / 'small').replace(random_clips)  # what is open stays
    assert dataset[0]['clip'].any()


def test_header_that_would_take_too_much_memory(tmp_path):
    path = tmp_path / 'bomb.safetensors'
    path.write_bytes((1 << 27).to_bytes(8, 'little') + bytes(100))
    with pytest.raises(ValueError, match='its header would take 134217728 bytes; at most 262144'):
        ClipStorage(path)


@pytest.mark.parametrize(
    ('key', 'text', 'words'),
    [
        ('layout', 'kinect', "'layout' .* is no JSON"),
        ('notes', '[' * 100_000, "'notes' .* is no JSON"),
        ('class_names', '7', "'class_names' .* is a int, expected a list"),
    ],
)
def test_metadata_that_is_no_json(random_clips, key, text, words):
    with safe_open(random_clips, framework='pt') as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    save_file(tensors, random_clips, metadata | {key: text})
    with pytest.raises(ValueError, match=words):
        ClipStorage(random_clips)
