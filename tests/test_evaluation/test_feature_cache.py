"""Kept features are used again if nothing has changed, and only then."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from halp_mm.datasets import ClipWriter, SkeletonDataset
from halp_mm.evaluation import extract_features, feature_cache
from halp_mm.evaluation.feature_cache import FeatureCache, digests_of_other_code
from halp_mm.sha256 import file_sha256, unchanged_file_sha256
from tests.conftest import write_random_clips
from tests.helpers import tiny_model


def model_of(seed: int = 0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return tiny_model(streams=['joint', 'bone']).eval()


@pytest.fixture
def said(monkeypatch) -> list[str]:
    """The lines of the log."""
    lines: list[str] = []
    monkeypatch.setattr(feature_cache, 'print_log', lambda text, logger: lines.append(text))
    return lines


@pytest.fixture
def encoded(monkeypatch) -> list[int]:
    """The number of clips of each encoding."""
    found: list[int] = []

    def extract(model, dataset, batch_size):
        found.append(len(dataset))
        return extract_features(model, dataset, batch_size)

    monkeypatch.setattr(feature_cache, 'extract_features', extract)
    return found


def test_the_second_time_is_the_first(random_clips, tmp_path, encoded, said):
    dataset = SkeletonDataset(random_clips, 'train')
    cache = FeatureCache(tmp_path / 'kept', {'a': 1})
    first = cache.features(model_of(), dataset, 4)
    again = FeatureCache(tmp_path / 'kept', {'a': 1}).features(model_of(), dataset, 4)
    assert encoded == [8]
    assert list(first) == list(again) == ['joint', 'bone']
    assert all(torch.equal(first[stream], again[stream]) for stream in first)
    (path,) = (tmp_path / 'kept').iterdir()
    assert said == [f'features of 8 clips are those in {path}']


def other_coordinate(path: Path) -> None:
    """Change a number of a clip in the middle of the file."""
    content = bytearray(path.read_bytes())
    content[3 * len(content) // 4] ^= 1
    path.write_bytes(content)


class OtherDataset(SkeletonDataset):
    """Reads the same clips."""


class Halved(SkeletonDataset):
    """Reads clips in half precision."""

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        return sample | {'clip': sample['clip'].half().float()}


CHANGES = {
    'weights': lambda s: s.update(model=model_of(1)),
    'one weight': lambda s: next(s['model'].parameters()).data.view(-1)[0].add_(1e-6),
    'precision': lambda s: s.update(model=s['model'].double()),
    'batch norm': lambda s: [
        m.running_mean.add_(1) for m in s['model'].modules() if isinstance(m, nn.BatchNorm1d)
    ],
    'settings': lambda s: s.update(settings={'a': 2}),
    'batch size': lambda s: s.update(batch_size=5),
    'split': lambda s: s.update(split='test'),
    'people': lambda s: s.update(num_people=1),
    'content': lambda s: other_coordinate(s['file']),
    'another file': lambda s: write_random_clips(s['file'], num_clips=13),
    'normalised': lambda s: s.update(normalize=True),
    'data set': lambda s: s.update(kind=OtherDataset),
    'half': lambda s: s.update(kind=Halved),
    'threads': lambda s: s['patch'].setattr(torch, 'get_num_threads', lambda: 7),
    'code': lambda s: s['patch'].setattr(feature_cache, 'code_digests', lambda: {'models': 'x'}),
    'version': lambda s: s['patch'].setattr(feature_cache, '__version__', '9'),
}


@pytest.mark.parametrize('change', CHANGES)
def test_what_has_changed_is_encoded_again(random_clips, tmp_path, change, monkeypatch):
    state = {
        'model': model_of(),
        'file': random_clips,
        'settings': {'a': 1},
        'split': 'train',
        'num_people': 2,
        'batch_size': 4,
        'kind': SkeletonDataset,
        'normalize': False,
        'patch': monkeypatch,
    }

    def key() -> str:
        dataset = state['kind'](random_clips, state['split'], state['num_people'])
        if state['normalize']:
            dataset.normalize_once(lambda clips: clips)
        cache = FeatureCache(tmp_path / 'kept', state['settings'])
        return cache.key(state['model'], dataset, state['batch_size'])

    before = key()
    assert key() == before
    CHANGES[change](state)
    assert key() != before


def test_features_go_by_the_key(random_clips, tmp_path, encoded):
    dataset, cache = SkeletonDataset(random_clips, 'train'), FeatureCache(tmp_path / 'kept', {})
    for seed in (0, 1, 0):
        found = cache.features(model_of(seed), dataset, 4)
        expected = extract_features(model_of(seed), dataset, 4)
        assert all(torch.equal(found[stream], expected[stream]) for stream in expected)
    assert encoded == [8, 8]


def test_code_that_decides_is_hashed(monkeypatch, tmp_path):
    """A change of an encoder's file, not one of the report's."""
    found = []
    for folder, content in (('a', 'x = 1'), ('b', 'x = 2'), ('c', 'x = 1')):
        for part in ('models/encoders/one.py', 'reporting/two.py'):
            path = tmp_path / folder / part
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if 'models' in part else folder)
        monkeypatch.setattr(
            feature_cache.halp_mm, '__file__', str(tmp_path / folder / '__init__.py')
        )
        found.append(feature_cache.code_digests.__wrapped__())
    assert found[0] == found[2] != found[1]


def test_components_from_elsewhere_count_by_their_files(random_clips):
    dataset = OtherDataset(random_clips, 'train')
    assert digests_of_other_code(model_of(), dataset) == {'OtherDataset': file_sha256(__file__)}
    assert digests_of_other_code(model_of(), SkeletonDataset(random_clips, 'train')) == {}
    noted = type('FromNotebook', (SkeletonDataset,), {'__module__': 'nowhere'})
    marks = digests_of_other_code(model_of(), noted(random_clips, 'train'))
    assert marks['FromNotebook'].startswith(f'{os.getpid()} ')


def flip_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


def take_anothers_place(path: Path) -> None:
    """Put the features of other clips there."""
    other = SkeletonDataset(path.parents[1] / 'random.safetensors', 'test')
    FeatureCache(path.parent / 'other', {}).features(model_of(), other, 4)
    os.replace(next((path.parent / 'other').iterdir()), path)


@pytest.mark.parametrize(
    ('damage', 'reason'),
    [
        (flip_last_byte, 'its content has changed'),
        (take_anothers_place, 'it is of something else'),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), 'Error while deserializing'),
        (lambda path: path.write_bytes(b''), 'Error while deserializing'),
    ],
)
def test_a_damaged_file_is_made_again(random_clips, tmp_path, said, damage, reason):
    dataset, cache = SkeletonDataset(random_clips, 'train'), FeatureCache(tmp_path / 'kept', {})
    first = cache.features(model_of(), dataset, 4)
    (path,) = (tmp_path / 'kept').iterdir()
    damage(path)
    said.clear()
    again = cache.features(model_of(), dataset, 4)
    assert all(torch.equal(first[stream], again[stream]) for stream in first)
    assert len(said) == 1
    assert said[0].startswith(f'{path} cannot be used ({reason}')
    assert said[0].endswith('): the clips are encoded again')
    cache.features(model_of(), dataset, 4)
    assert said[1:] == [f'features of 8 clips are those in {path}']


def test_those_not_used_for_longest_make_room(random_clips, tmp_path):
    """Each file has about 1.5 kB; there is room for two."""
    dataset, folder = SkeletonDataset(random_clips, 'train'), tmp_path / 'kept'
    cache = FeatureCache(folder, {})
    names = []
    for size in (2, 3):
        cache.features(model_of(), dataset, size)
        names += [path.name for path in folder.iterdir() if path.name not in names]
        os.utime(folder / names[-1], (size, size))
    one = (folder / names[0]).stat().st_size
    cache.max_gigabytes = 2.5 * one / 1e9
    (folder / 'mine.safetensors').touch()
    cache.features(model_of(), dataset, 2)  # is used, and so newer than the other
    cache.features(model_of(), dataset, 4)
    left = {path.name for path in folder.iterdir()}
    assert names[0] in left
    assert names[1] not in left
    assert 'mine.safetensors' in left
    assert len(left) == 3
    FeatureCache(tmp_path / 'none', {}, max_gigabytes=1e-9).features(model_of(), dataset, 4)
    assert not (tmp_path / 'none').exists()


def test_where_nothing_can_be_kept(random_clips, tmp_path, said):
    (tmp_path / 'kept').write_text('a file')
    dataset = SkeletonDataset(random_clips, 'train')
    features = FeatureCache(tmp_path / 'kept', {}).features(model_of(), dataset, 4)
    assert torch.equal(features['bone'], extract_features(model_of(), dataset, 4)['bone'])
    assert len(said) == 1
    assert said[0].startswith('features are not kept for other evaluations: ')


def test_digest_of_a_file_that_was_read_before(tmp_path, monkeypatch):
    path = tmp_path / 'x'
    path.write_bytes(b'1')
    first = unchanged_file_sha256(path)
    assert first == file_sha256(path)
    monkeypatch.setattr('halp_mm.sha256.file_sha256', lambda path: 'read again')
    assert unchanged_file_sha256(path) == first
    os.utime(path, (1, 1))
    assert unchanged_file_sha256(path) == 'read again'


def test_unlabelled_clips_are_others(tmp_path, encoded):
    with ClipWriter(tmp_path / 'x.safetensors', 'kinect_v2', ['a', 'b'], 'some') as writer:
        for i in range(4):
            clip = np.random.default_rng(i).normal(size=(1, 9, 25, 3)).astype(np.float32)
            writer.add(f'{i}', clip, label=i if i < 2 else None, splits=['train'])
    dataset = SkeletonDataset(tmp_path / 'x.safetensors', 'train', num_people=2)
    cache = FeatureCache(tmp_path / 'kept', {})
    for clips in (dataset, dataset.labelled()):
        assert len(cache.features(model_of(), clips, 4)['joint']) == len(clips)
    assert encoded == [4, 2]
