"""A split of a data file as a data set, also behind PyTorch's loader."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset, pad_clips
from halp_mm.skeletons import Clips
from halp_mm.transforms import CenterCropResize, Compose, ConvertLayout, PreNormalize3D


def center_and_scale(clips: Clips) -> Clips:
    """A normalisation that depends on nothing but the clip itself."""
    present = clips.present()[..., None, None]
    first = clips.coordinates[:, :1, :1, 1:2]
    return clips.with_coordinates((clips.coordinates - first) * 0.5 * present)


def batches(dataset: SkeletonDataset, **options) -> list[dict]:
    return list(DataLoader(dataset, batch_size=3, collate_fn=pad_clips, **options))


def assert_same(left: list[dict], right: list[dict]) -> None:
    assert len(left) == len(right) > 1
    for ours, theirs in zip(left, right, strict=True):
        assert ours.keys() == theirs.keys()
        for key in ('clips', 'num_frames', 'labels', 'indices'):
            assert torch.equal(ours[key], theirs[key]), key
        assert ours['layout'] == theirs['layout']
        assert ours['normalized'] == theirs['normalized']


def test_samples_are_the_clips_of_the_split(random_clips):
    dataset, storage = SkeletonDataset(random_clips, 'train'), ClipStorage(random_clips)
    positions = [1, 2, 4, 5, 7, 8, 10, 11]
    assert len(dataset) == 8
    assert dataset.names == [f'clip{i:03d}' for i in positions]
    assert dataset.labels.tolist() == [i % 3 for i in positions]
    assert dataset.num_people == 2
    assert dataset.metainfo == {
        'dataset': 'random',
        'split': 'train',
        'layout': 'kinect_v2',
        'classes': ['sit', 'stand', 'wave'],
    }
    for index, position in enumerate(positions):
        sample, clip = dataset[index], storage.clip(position)
        assert sample['clip'].shape == (2, 20 + 3 * position, 25, 3)
        assert torch.equal(sample['clip'][: len(clip)], clip)
        assert not sample['clip'][len(clip) :].any()
        assert (sample['label'], sample['index']) == (position % 3, index)
        assert sample['layout'] is dataset.layout
        assert sample['normalized'] is False


@pytest.mark.parametrize('num_people', [1, 2, 3])
def test_people_are_cut_and_padded(random_clips, num_people):
    dataset, storage = SkeletonDataset(random_clips, 'train', num_people), ClipStorage(random_clips)
    for index, position in enumerate([1, 2, 4]):
        clip, stored = dataset[index]['clip'], storage.clip(position)
        assert len(clip) == num_people
        both = min(num_people, len(stored))
        assert torch.equal(clip[:both], stored[:both])
        assert not clip[both:].any()


def test_a_score_alone_is_nobody(tmp_path):
    clip = np.random.default_rng(0).random((2, 5, 17, 3))
    clip[0, ..., :2] = 0
    with ClipWriter(tmp_path / 'c', 'coco17', ['nod'], 'x') as writer:
        writer.add('a', clip, 0, ['all'])
    (sample,) = SkeletonDataset(tmp_path / 'c', 'all', num_people=1)
    assert torch.equal(sample['clip'], torch.from_numpy(clip[1:]).float())


def test_missing_file_names_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none.*Make it with: python tools/data/mine\.py'):
        SkeletonDataset(tmp_path / 'none', 'train', prepare_with='python tools/data/mine.py')
    with pytest.raises(FileNotFoundError, match='one of the tools under tools/data/'):
        SkeletonDataset(tmp_path / 'none', 'train')


def test_unknown_split(random_clips):
    with pytest.raises(ValueError, match=r"no split 'val'; its splits are \['test', 'train'\]"):
        SkeletonDataset(random_clips, 'val')


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_damage_behind_our_back_names_the_clip(random_clips, value):
    storage = ClipStorage(random_clips)
    clip = storage.clip(5).numpy().copy()
    content = bytearray(random_clips.read_bytes())
    start = content.index(clip.tobytes())
    clip[0, 3, 7, 1] = value
    content[start : start + clip.nbytes] = clip.tobytes()
    del storage
    random_clips.write_bytes(content)
    dataset = SkeletonDataset(random_clips, 'train')
    with pytest.raises(ValueError, match=r"random\.safetensors: clip 'clip005'.*NaN or infinite"):
        dataset[3]
    assert torch.isfinite(dataset[2]['clip']).all()
    with pytest.raises(ValueError, match="'clip005'"):
        dataset.normalize_once(center_and_scale)


@pytest.mark.parametrize('normalized', [False, True])
@pytest.mark.parametrize('start', ['fork', 'spawn'])
def test_workers_give_the_same_batches(random_clips, start, normalized):
    dataset = SkeletonDataset(random_clips, 'train')
    if normalized:
        dataset.normalize_once(center_and_scale)
    alone = batches(dataset)
    assert alone[0]['normalized'] is normalized
    assert_same(batches(dataset, num_workers=2, multiprocessing_context=start), alone)


@pytest.mark.parametrize('batch_size', [1, 3, 256])
def test_normalize_once_equals_normalizing_each_batch(random_clips, batch_size):
    raw, once = SkeletonDataset(random_clips, 'train'), SkeletonDataset(random_clips, 'train')
    once.normalize_once(center_and_scale, batch_size=batch_size)
    expected = batches(raw)
    for batch in expected:
        clips = Clips(batch['clips'], batch['num_frames'], batch['layout'])
        batch['clips'] = center_and_scale(clips).coordinates
        batch['normalized'] = True
    assert_same(batches(once), expected)
    assert not torch.equal(once[0]['clip'], raw[0]['clip'])


@pytest.mark.parametrize('split', ['train', 'test'])
def test_size_is_that_of_the_splits_clips(random_clips, split):
    dataset = SkeletonDataset(random_clips, split, num_people=3)
    clips = [dataset[i]['clip'] for i in range(len(dataset))]
    people = sum(person.nbytes for clip in clips for person in clip if person.any())
    assert dataset.num_bytes == people < sum(clip.nbytes for clip in clips)
    for max_gigabytes, done in ((dataset.num_bytes / 1e9, True), (0.99e-9 * dataset.num_bytes, 0)):
        dataset = SkeletonDataset(random_clips, split, num_people=3)
        dataset.normalize_once(center_and_scale, max_gigabytes)
        assert dataset[0]['normalized'] == done


class Recorded(PreNormalize3D):
    """PreNormalize3D that remembers how many people and clips it saw together."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes = []

    def __call__(self, clips, generator=None):
        self.shapes.append(tuple(clips.coordinates.shape[:2]))
        return super().__call__(clips, generator)


@pytest.mark.parametrize('resident', [False, True])
@pytest.mark.parametrize('keeps', [False, True])
def test_absent_people_are_left_out_of_a_normalisation_that_allows_it(
    random_clips, keeps, resident
):
    raw, once = (SkeletonDataset(random_clips, 'train', num_people=3) for _ in range(2))
    normalization = Recorded()
    normalization.keeps_absent_people = keeps
    if resident:
        once.keep_on('cpu')
    once.normalize_once(normalization, batch_size=4)
    assert normalization.shapes == ([(4, 1), (4, 2)] if keeps else [(4, 3), (4, 3)])
    expected = batches(raw)
    for batch in expected:
        clips = Clips(batch['clips'], batch['num_frames'], batch['layout'])
        batch['clips'] = PreNormalize3D()(clips).coordinates
    for ours, theirs in zip(batches(once), expected, strict=True):
        assert torch.equal(ours['num_frames'], theirs['num_frames'])
        torch.testing.assert_close(ours['clips'], theirs['clips'], rtol=1e-6, atol=1e-6)
    for i in range(len(once)):
        batch, row = expected[i // 3], i % 3
        frames = int(batch['num_frames'][row])
        torch.testing.assert_close(once[i]['clip'], batch['clips'][row, :, :frames])


def test_normalize_once_works_once_and_leaves_the_file_alone(random_clips):
    content = random_clips.read_bytes()
    dataset = SkeletonDataset(random_clips, 'train')
    dataset.normalize_once(center_and_scale)
    first = dataset[0]['clip'].clone()
    dataset.normalize_once(center_and_scale)
    assert torch.equal(dataset[0]['clip'], first)
    assert random_clips.read_bytes() == content


@pytest.mark.parametrize('normalized', [False, True])
def test_labelled_clips_are_a_data_set_of_their_own(tmp_path, normalized):
    labels = [1, None, 0, 1, None, 0]
    generator = np.random.default_rng(0)
    with ClipWriter(tmp_path / 'c', 'kinect_v2', ['nod', 'bow'], 'x') as writer:
        for i, label in enumerate(labels):
            clip = generator.normal(size=(1 + i % 2, 4 + i, 25, 3))
            writer.add(f'c{i}', clip, label, ['some'] if i else ['first'])
    dataset = SkeletonDataset(tmp_path / 'c', 'some')
    if normalized:
        dataset.normalize_once(center_and_scale)
    part = dataset.labelled()
    assert (len(dataset), len(part)) == (5, 3)
    assert part.names == ['c2', 'c3', 'c5']
    assert part.labels.tolist() == [0, 1, 0]
    for index, row in enumerate([1, 2, 4]):
        assert torch.equal(part[index]['clip'], dataset[row]['clip'])
        assert (part[index]['index'], part[index]['normalized']) == (index, normalized)
    assert part.labelled() is part
    assert dataset.names == ['c1', 'c2', 'c3', 'c4', 'c5']
    copies = [pickle.loads(pickle.dumps(part))[i]['clip'] for i in range(3)]
    assert all(torch.equal(copy, part[i]['clip']) for i, copy in enumerate(copies))


def test_a_normalisation_may_change_layout_and_length(random_clips):
    dataset = SkeletonDataset(random_clips, 'train')
    lengths = dataset.num_frames.tolist()
    dataset.normalize_once(Compose([ConvertLayout('kinect_v1'), CenterCropResize(num_frames=7)]))
    assert (dataset.layout.name, dataset.stored_layout.name) == ('kinect_v1', 'kinect_v2')
    assert dataset[0]['layout'] is dataset.layout
    assert dataset[3]['clip'].shape == (2, 7, 20, 3)
    assert dataset.num_frames.tolist() == [7] * len(lengths)
    assert dataset.metainfo['layout'] == 'kinect_v2'
    assert dataset.stored_clips.num_frames[dataset.positions].tolist() == lengths


def test_collate_pads_with_zeros(random_clips):
    dataset = SkeletonDataset(random_clips, 'train')
    samples = [dataset[i] for i in (0, 5, 2)]
    batch = pad_clips(samples)
    assert batch['num_frames'].tolist() == [23, 44, 32]
    assert batch['clips'].shape == (3, 2, 44, 25, 3)
    for row, sample in zip(batch['clips'], samples):
        frames = sample['clip'].shape[1]
        assert torch.equal(row[:, :frames], sample['clip'])
        assert not row[:, frames:].any()
    assert batch['labels'].tolist() == [sample['label'] for sample in samples]
    assert batch['indices'].tolist() == [0, 5, 2]
    assert batch['layout'] is dataset.layout


def test_single_clip(tmp_path):
    with ClipWriter(tmp_path / 'c', 'msr_action3d', ['nod'], 'one') as writer:
        writer.add('only', np.ones((1, 1, 20, 3), np.float32), 0, ['train'])
    dataset = SkeletonDataset(tmp_path / 'c', 'train')
    dataset.normalize_once(center_and_scale)
    batch = pad_clips([dataset[0]])
    assert batch['clips'].shape == (1, 1, 1, 20, 3)
    assert batch['num_frames'].tolist() == [1]


def test_pickle_carries_the_name_but_not_the_frames(random_clips):
    dataset = SkeletonDataset(random_clips, 'train', num_people=3)
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 1000 < random_clips.stat().st_size
    copy = pickle.loads(pickled)
    assert copy.num_people == 3
    assert copy.names == dataset.names
    assert torch.equal(copy[4]['clip'], dataset[4]['clip'])


def test_index_outside_the_split(random_clips):
    dataset = SkeletonDataset(random_clips, 'test')
    with pytest.raises(IndexError):
        dataset[len(dataset)]
