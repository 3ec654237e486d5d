"""Features and answers for single clips, on a tiny encoder with random weights."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from halp_mm.apis import SkeletonInferencer, build_model, evaluate, extract_features, load_config
from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset
from halp_mm.evaluation import KNNProtocol
from halp_mm.skeletons import convert_joints, get_layout
from tests.conftest import write_random_clips
from tests.runs import CONFIG, tiny_classifier_config


@pytest.fixture(scope='module')
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_clips(tmp_path_factory.mktemp('clips') / 'x.safetensors', num_clips=24)


def config_on(data_file: Path, **options: object) -> Config:
    values = {
        'train_dataloader.dataset': dict(data_file=str(data_file), split='train'),
        'test_dataset': dict(data_file=str(data_file), split='test'),
        'model.encoder.hidden_size': 8,
        'model.encoder.num_segments': 1,
        'model.projector.out_dim': 8,
        'model.queue_size': 32,
        'model.heads.halp': None,
        **{key.replace('__', '.'): value for key, value in options.items()},
    }
    return load_config(CONFIG, values)


def saved(config: Config, path: Path) -> Path:
    """A checkpoint of random weights that are not those of the config's seed."""
    model = build_model(load_config(config, seed=9))
    torch.save({'state_dict': model.state_dict()}, path)
    return path


@pytest.fixture(scope='module')
def config(data_file) -> Config:
    return config_on(data_file)


@pytest.fixture(scope='module')
def checkpoint(config, tmp_path_factory) -> Path:
    return saved(config, tmp_path_factory.mktemp('weights') / 'epoch_1.pth')


@pytest.fixture(scope='module')
def inferencer(config, checkpoint) -> SkeletonInferencer:
    return SkeletonInferencer(config, checkpoint)


@pytest.fixture(scope='module')
def classifier_config(data_file) -> Config:
    return load_config(*tiny_classifier_config(data_file))


def clips_of(data_file: Path, split: str) -> list[np.ndarray]:
    """The clips as they were stored, of 1 or 2 people."""
    storage = ClipStorage(data_file)
    return [storage.clip(position).numpy() for position in storage.split(split).tolist()]


def assert_same(first, second, tolerance: float = 1e-5) -> None:
    assert first.classes == second.classes
    assert first.scores == pytest.approx(second.scores, abs=tolerance)
    assert [n.name for n in first.neighbours] == [n.name for n in second.neighbours]
    assert [n.similarity for n in first.neighbours] == pytest.approx(
        [n.similarity for n in second.neighbours], abs=tolerance
    )


def scores_of(answer, classes) -> list[float]:
    by_name = dict(zip(answer.classes, answer.scores))
    return [by_name[name] for name in classes]


def test_features_are_those_of_the_protocols(config, checkpoint):
    parts = {split: extract_features(config, checkpoint, split) for split in ('train', 'test')}
    assert parts['train'].features['joint'].shape == (16, 16)
    assert parts['test'].features['joint'].shape == (8, 16)
    assert parts['test'].names[:2] == ['clip000', 'clip003']
    assert parts['test'].classes == ['sit', 'stand', 'wave']
    train, test = (
        torch.nn.functional.normalize(part.features['joint'], dim=1) for part in parts.values()
    )
    found = parts['train'].labels[(test @ train.T).argmax(1)]
    _, result = evaluate(config, checkpoint)
    assert torch.equal(found, result.scores.argmax(1).cpu())
    assert torch.equal(parts['test'].labels, result.labels.cpu())
    untrained = extract_features(config, None).features['joint']
    assert not torch.allclose(untrained, parts['test'].features['joint'])


def test_features_of_an_unknown_split(config):
    with pytest.raises(ValueError, match="no split 'xsub_val'; expected 'train' or 'test'"):
        extract_features(config, None, 'xsub_val')


@pytest.mark.parametrize('k', [None, 3])
@pytest.mark.parametrize('streams', [['joint'], ['joint', 'motion']])
def test_answers_equal_the_knn_protocols(data_file, tmp_path, streams, k):
    config = config_on(data_file, model__streams=streams, data_preprocessor__streams=streams)
    config.protocols.knn.k = k or 1
    checkpoint = saved(config, tmp_path / 'epoch_1.pth')
    _, result = evaluate(config, checkpoint, 'knn')
    config.protocols.knn.k = 1
    answers = SkeletonInferencer(config, checkpoint, k=k)(clips_of(data_file, 'test'))
    assert len(answers) == len(result.names)
    for answer, scores in zip(answers, result.scores):
        assert answer.classes[0] == answer.action == result.classes[scores.argmax()]
        assert scores_of(answer, result.classes) == pytest.approx(scores.tolist(), abs=1e-5)
        assert answer.scores == sorted(answer.scores, reverse=True)


def test_neighbours_are_those_of_a_search_by_hand(config, checkpoint, inferencer, data_file):
    train = extract_features(config, checkpoint, 'train')
    test = extract_features(config, checkpoint, 'test').features['joint'].double().numpy()
    gallery = train.features['joint'].double().numpy()
    for answer, query in zip(inferencer(clips_of(data_file, 'test'), num_neighbours=4), test):
        cosines = {
            name: query @ feature / np.linalg.norm(query) / np.linalg.norm(feature)
            for name, feature in zip(train.names, gallery)
        }
        nearest = sorted(cosines, key=cosines.get, reverse=True)[:4]
        assert [n.name for n in answer.neighbours] == nearest
        for neighbour in answer.neighbours:
            assert neighbour.similarity == pytest.approx(cosines[neighbour.name], abs=1e-5)
            label = train.labels[train.names.index(neighbour.name)]
            assert neighbour.action == train.classes[label]


def test_training_clips_find_themselves(inferencer, data_file):
    for i, answer in enumerate(inferencer(clips_of(data_file, 'train'), num_neighbours=99)):
        assert len(answer.neighbours) == 16
        assert answer.neighbours[0].name == SkeletonDataset(data_file, 'train').names[i]
        assert answer.neighbours[0].similarity == pytest.approx(1, abs=1e-5)
        assert str(answer).startswith(f'{answer.action}: {answer.action} 1.99')
        assert f'like {answer.neighbours[0].name} ({answer.action}, 1.000), ' in str(answer)


def test_a_clip_alone_equals_the_clip_in_a_batch(inferencer):
    """Lengths from one frame to many more than any training clip has, one person and two."""
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(1 + i % 2, t, 25, 3)) for i, t in enumerate([1, 2, 31, 900, 12])]
    for clip, together in zip(clips, inferencer(clips)):
        assert_same(inferencer(clip), together)


def test_forms_of_a_clip(inferencer, tmp_path):
    clip = np.random.default_rng(0).normal(size=(1, 30, 25, 3)).astype(np.float32)
    with_absent_person = np.concatenate([clip, np.zeros_like(clip)])
    later_person = np.concatenate([np.zeros_like(clip), np.zeros_like(clip), clip])
    with_score = np.concatenate([clip, np.ones((1, 30, 25, 1), np.float32)], -1)
    np.save(tmp_path / 'clip.npy', clip)
    np.savez(tmp_path / 'clip.npz', keypoint=with_absent_person)
    with (tmp_path / 'clip.csv').open('w', newline='') as file:
        csv.writer(file).writerows(clip.reshape(30, 75).tolist())
    forms = [
        *(clip[0], torch.from_numpy(clip), torch.from_numpy(clip[0]).requires_grad_()),
        *(with_absent_person, later_person, with_score, clip.astype(np.float64)),
        *(tmp_path / 'clip.npy', str(tmp_path / 'clip.npz'), tmp_path / 'clip.csv'),
    ]
    expected = inferencer(clip)
    for form in forms:
        assert_same(inferencer(form), expected)
    for answer in inferencer(tuple(forms)):
        assert_same(answer, expected)
    assert inferencer([]) == []


def test_first_two_who_are_seen_count(inferencer):
    people = np.random.default_rng(0).normal(size=(3, 30, 25, 3)).astype(np.float32)
    apart = np.zeros((6, 30, 25, 3), np.float32)
    apart[[1, 3, 5]] = people
    expected = inferencer(people[:2])
    assert_same(inferencer(people), expected)
    assert_same(inferencer(apart), expected)


def test_clips_of_another_layout(inferencer, tmp_path):
    clip = torch.randn(2, 30, 20, 3, generator=torch.Generator().manual_seed(0))
    converted = convert_joints(clip, get_layout('kinect_v1'), get_layout('kinect_v2'))
    np.save(tmp_path / 'clip.npy', clip.numpy())
    expected = inferencer(converted)
    assert_same(inferencer(clip, layout='kinect_v1'), expected)
    assert_same(inferencer([tmp_path / 'clip.npy'], get_layout('kinect_v1').to_dict())[0], expected)


def test_clips_in_another_unit_are_said_once(config, checkpoint, data_file, caplog):
    inferencer = SkeletonInferencer(config, checkpoint)
    clip = SkeletonDataset(data_file, 'test')[0]['clip']
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        inferencer(clip)
        assert not caplog.records
        inferencer(clip * 1000)
        inferencer([clip * 1000, clip * 1000])
    finally:
        logger.removeHandler(caplog.handler)
    (record,) = caplog.records
    assert 'the new clips: likely metres and millimetres' in record.getMessage()


def test_a_classifier_answers_with_its_probabilities(classifier_config, data_file, tmp_path):
    checkpoint = saved(classifier_config, tmp_path / 'epoch_1.pth')
    clips = clips_of(data_file, 'test')
    for protocol in ('classifier', 'knn'):
        _, result = evaluate(classifier_config, checkpoint, protocol)
        inferencer = SkeletonInferencer(classifier_config, checkpoint, protocol)
        for answer, scores in zip(inferencer(clips), result.scores):
            assert scores_of(answer, result.classes) == pytest.approx(scores.tolist(), abs=1e-5)
            assert len(answer.neighbours) == 5
    default = SkeletonInferencer(classifier_config, checkpoint)(clips[0])
    assert sum(default.scores) == pytest.approx(1)


def test_the_training_clips_are_encoded_once(config, checkpoint):
    inferencer = SkeletonInferencer(config, checkpoint)
    gallery = inferencer.gallery.features['joint']
    calls = []
    inferencer.model.register_forward_hook(lambda *_: calls.append(1))
    inferencer(torch.randn(3, 25, 3))
    inferencer([torch.randn(3, 25, 3), torch.randn(9, 25, 3)])
    assert len(calls) == 2
    assert inferencer.gallery.features['joint'] is gallery
    dataset = SkeletonDataset(config.test_dataset.data_file, 'train')
    assert gallery.shape == (len(dataset), 16)


@pytest.mark.parametrize(
    ('clip', 'words'),
    [
        (np.ones((1, 5, 20, 3)), r'the clip has .* \[1, 5, 20, 3\]; expected 25 joints of layout'),
        (np.ones((5, 25, 2)), r'\[1, 5, 25, 2\]; expected .* 3 coordinates, or 4 with a score'),
        (np.full((1, 5, 25, 3), np.nan), r'the clip has 375 of 375 numbers that are NaN or inf'),
        (np.full((5, 25, 3), 1e300), r'375 of 375 .* Set joints that were not tracked to 0'),
        (np.zeros((1, 0, 25, 3)), r'float64 of shape \[1, 0, 25, 3\]; .* none of them empty'),
        (np.zeros((2, 5, 25, 3)), r'of shape \[2, 5, 25, 3\] is zero everywhere: nobody is seen'),
        (np.ones((25, 3)), r'of shape \[25, 3\]; expected numbers \[M, T, V, C\] or, of one per'),
        (np.ones((2, 1, 5, 25, 3)), r'\[2, 1, 5, 25, 3\]; .*Several clips are a list of these'),
        (np.array(['a']), r'the clip holds <U1 of shape \[1\]; expected numbers'),
        (np.ones((300, 2, 25, 3)), r'has 300 people and 2 frames; .* people before frames'),
        (3, r'the clip is a int; expected an array or tensor \[M, T, V, C\], or the path'),
        ([np.ones((5, 25, 3)), np.ones((5, 24, 3))], r'clip 1 of the list has .* \[1, 5, 24, 3\]'),
        ('none.npy', r'there is no file none.npy; expected a clip in it'),
    ],
)
def test_bad_clips(inferencer, clip, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        inferencer(clip)


def test_bad_files(inferencer, tmp_path):
    other = tmp_path / 'clip.skeleton'
    other.write_text('5')
    with pytest.raises(ValueError, match=r'clip.skeleton is called .skeleton; expected a clip cal'):
        inferencer(other)
    np.save(tmp_path / 'nan.npy', np.full((5, 25, 3), np.nan))
    with pytest.raises(ValueError, match=r'nan.npy has 375 numbers that are NaN'):
        inferencer(tmp_path / 'nan.npy')
    np.save(tmp_path / 'nobody.npy', np.zeros((5, 25, 3)))
    with pytest.raises(ValueError, match=r'nobody.npy of shape .* nobody is seen'):
        inferencer(tmp_path / 'nobody.npy')
    np.save(tmp_path / 'other.npy', np.ones((5, 20, 3)))
    with pytest.raises(ValueError, match=r'other.npy has .* \[1, 5, 20, 3\]; expected 25 joints'):
        inferencer(tmp_path / 'other.npy')


def test_a_layout_that_cannot_be_converted(inferencer):
    with pytest.raises(ValueError, match=r"'coco17' has 2 dimensions and 'kinect_v2' has 3"):
        inferencer(np.ones((5, 17, 2)), layout='coco17')


def test_training_clips_with_a_score(tmp_path):
    with ClipWriter(tmp_path / 'x.safetensors', 'kinect_v2', ['a'], 'scored') as writer:
        for i in range(3):
            clip = np.random.default_rng(i).normal(size=(1, 9, 25, 4))
            writer.add(f'clip{i}', clip, label=0, splits=['train', 'test'])
    config = config_on(tmp_path / 'x.safetensors', model__encoder__num_channels=4)
    inferencer = SkeletonInferencer(config, None)
    assert inferencer(clip).neighbours[0].name == 'clip2'
    with pytest.raises(ValueError, match=r'the clip has 3 numbers a joint; .* have 4'):
        inferencer(clip[..., :3])


def test_checkpoint_of_another_encoder(config, checkpoint, tmp_path):
    other = {'model.encoder.hidden_size': 16}
    with pytest.raises(ValueError, match=r'epoch_1.pth was made with another model .*expected \['):
        SkeletonInferencer(config, checkpoint, cfg_options=other)
    with pytest.raises(FileNotFoundError, match=r'there is no checkpoint .*none.pth'):
        SkeletonInferencer(config, tmp_path / 'none.pth')


def test_missing_data_file(config):
    missing = {
        'train_dataloader.dataset.data_file': 'none.safetensors',
        'train_dataloader.dataset.prepare_with': 'python make.py',
    }
    with pytest.raises(FileNotFoundError, match=r'none.safetensors. Make it with: python make.py'):
        SkeletonInferencer(config, None, cfg_options=missing)


def test_only_the_training_clips_are_needed(config, checkpoint, inferencer):
    without = {'test_dataset.data_file': 'none.safetensors'}
    clip = np.random.default_rng(0).normal(size=(9, 25, 3))
    assert_same(SkeletonInferencer(config, checkpoint, cfg_options=without)(clip), inferencer(clip))


def test_bad_settings(config, classifier_config, inferencer):
    with pytest.raises(
        ValueError, match=r"without a classifier .* 'classifier'; expected .*\['knn'\]"
    ):
        SkeletonInferencer(config, None, 'classifier')
    with pytest.raises(ValueError, match=r"'linear'; expected one of \['classifier', 'knn'\]"):
        SkeletonInferencer(classifier_config, None, 'linear')
    with pytest.raises(ValueError, match=r'k is 17; expected 1 to 16, the labelled clips'):
        SkeletonInferencer(config, None, k=17)
    with pytest.raises(ValueError, match=r'num_classes is 5, but .* has 3 classes'):
        SkeletonInferencer(classifier_config, None, cfg_options={'model.num_classes': 5})
    with pytest.raises(ValueError, match='num_neighbours is -1; expected 0 or more'):
        inferencer(np.ones((9, 25, 3)), num_neighbours=-1)
    assert inferencer(np.ones((9, 25, 3)), num_neighbours=0).neighbours == []


def test_diverged_training(config, tmp_path):
    model = build_model(config)
    state = {
        name: torch.full_like(value, np.nan) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    torch.save({'state_dict': state}, tmp_path / 'nan.pth')
    with pytest.raises(ValueError, match=r'has entries that are NaN or infinite\. Use an earlier'):
        SkeletonInferencer(config, tmp_path / 'nan.pth')


def test_knn_of_the_config_is_the_default(config):
    assert SkeletonInferencer(config, None, cfg_options={'protocols.knn.k': 4}).k == 4
    assert SkeletonInferencer(config, None).k == KNNProtocol().k
