"""Protocols, from a data file through a model to accuracies."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from halp_mm.datasets import ClipWriter, SkeletonDataset, pad_clips
from halp_mm.evaluation import (
    KNNProtocol,
    LinearProtocol,
    extract_features,
    knn_scores,
    top_k_accuracy,
)
from halp_mm.evaluation.classifier_search import ClassifierSearch
from halp_mm.evaluation.feature_autoencoder import train_feature_autoencoder
from halp_mm.evaluation.knn import whitening_of
from halp_mm.evaluation.linear_layer import linear_classifier
from halp_mm.models import BiGRU
from halp_mm.registry import PROTOCOLS
from halp_mm.transforms import CenterCropResize, build_transform
from tests.helpers import tiny_model

RANDOM_VIEW = [dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=4, num_frames=8)]
FIXED_VIEW = [dict(type='CenterCropResize', num_frames=8)]
NO_NORMALISATION = dict(
    type='SkeletonPreprocessor',
    evaluation_view=[dict(type='CenterCropResize', num_frames=8)],
)


def model_with(**kwargs):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_model(**kwargs)


def datasets(path: Path) -> tuple[SkeletonDataset, SkeletonDataset]:
    return SkeletonDataset(path, 'train'), SkeletonDataset(path, 'test')


def write_poses(path: Path, noise: float) -> Path:
    """40 training and 20 test clips of three poses, which are in both splits."""
    rng = np.random.default_rng(0)
    poses = 2 * rng.normal(size=(3, 25, 3))
    with ClipWriter(path, 'kinect_v2', ['sit', 'stand', 'wave'], 'poses') as writer:
        for i in range(60):
            clip = poses[i % 3] + noise * rng.normal(size=(2, 10 + i % 7, 25, 3))
            split = 'train' if i < 40 else 'test'
            writer.add(f'clip{i:03d}', clip.astype(np.float32), label=i % 3, splits=[split])
    return path


@pytest.fixture
def separable_clips(tmp_path: Path) -> Path:
    """Clips with a little noise: any encoder can tell them apart."""
    return write_poses(tmp_path / 'separable.safetensors', noise=0.05)


@pytest.fixture
def noisy_clips(tmp_path: Path) -> Path:
    """Clips that are told apart now and then."""
    return write_poses(tmp_path / 'noisy.safetensors', noise=5.0)


@pytest.mark.parametrize('batch_size', [1, 3, 256])
@pytest.mark.parametrize('streams', [['joint'], ['joint', 'bone']])
def test_features_equal_those_of_single_clips(random_clips, batch_size, streams):
    model = model_with(streams=streams)
    dataset, _ = datasets(random_clips)
    features = extract_features(model, dataset, batch_size)
    assert list(features) == streams
    model.eval()
    for i in range(len(dataset)):
        views = model.data_preprocessor(pad_clips([dataset[i]]))
        with torch.no_grad():
            alone = model(**views)
        for stream, feature in features.items():
            assert feature.shape == (len(dataset), 8)
            assert feature.dtype == torch.float32
            assert not feature.requires_grad
            torch.testing.assert_close(feature[i], alone[stream][0], rtol=0, atol=1e-5)


@pytest.mark.parametrize('training', [False, True])
def test_extraction_leaves_the_model_as_it_was(random_clips, training):
    model = model_with().train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    extract_features(model, datasets(random_clips)[0], 4, build_transform(RANDOM_VIEW))
    assert model.training == training
    assert all(module.training == training for module in model.query_networks.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_other_view_is_used(random_clips):
    model = model_with()
    dataset, _ = datasets(random_clips)
    default = extract_features(model, dataset)['joint']
    same = extract_features(model, dataset, view=CenterCropResize(num_frames=8))['joint']
    other = extract_features(model, dataset, view=CenterCropResize(0.5, num_frames=8))['joint']
    assert torch.equal(default, same)
    assert not torch.equal(default, other)


def test_random_views_are_drawn_for_each_batch(tmp_path):
    """Twelve equal clips: their crops must differ, also at the same place of different batches."""
    clip = np.random.default_rng(0).normal(size=(2, 30, 25, 3)).astype(np.float32)
    with ClipWriter(tmp_path / 'x.safetensors', 'kinect_v2', ['a'], 'same') as writer:
        for i in range(12):
            writer.add(f'clip{i}', clip, label=0, splits=['train'])
    dataset = SkeletonDataset(tmp_path / 'x.safetensors', 'train')
    features = extract_features(model_with(), dataset, 3, build_transform(RANDOM_VIEW))['joint']
    distance = torch.cdist(features, features) + torch.eye(12)
    assert (distance > 1e-6).all()


@pytest.mark.parametrize('view', [None, FIXED_VIEW, RANDOM_VIEW], ids=['none', 'fixed', 'random'])
def test_linear_probe_learns_what_is_separable(separable_clips, view):
    model = model_with(data_preprocessor=NO_NORMALISATION).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    protocol = LinearProtocol(epochs=15, batch_size=8, learning_rate=1.0, train_view=view)
    result = protocol.run(model, *datasets(separable_clips))
    assert result.metrics['top1'] == result.metrics['top5'] == 100
    assert result.metrics['num_train'] == 40
    assert result.metrics['num_test'] == 20
    assert result.labels.tolist() == [i % 3 for i in range(40, 60)]
    assert result.scores.shape == (20, 3)
    torch.testing.assert_close(result.scores.sum(1), torch.ones(20))
    assert model.training
    assert all(module.training for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize('view', [None, RANDOM_VIEW], ids=['none', 'random'])
def test_linear_probe_is_deterministic(random_clips, view):
    def scores(seed: int) -> torch.Tensor:
        torch.rand(seed + 3)  # PyTorch's own generator must not matter
        protocol = LinearProtocol(epochs=3, batch_size=3, train_view=view, seed=seed)
        return protocol.run(model_with(), *datasets(random_clips)).scores

    assert torch.equal(scores(0), scores(0))
    assert not torch.equal(scores(0), scores(1))


@pytest.mark.parametrize('optimizer', ['SGD', 'Adam'])
def test_linear_probe_is_that_of_autograd(optimizer):
    """Two streams of 30 clips; batches of 7, the last of 2."""
    streams = {'joint': torch.randn(30, 5), 'bone': torch.randn(30, 4)}
    labels = torch.arange(30) % 3
    protocol = LinearProtocol(
        epochs=4, batch_size=7, milestones=[2], weight_decay=0.01, optimizer=optimizer, seed=3
    )
    found = protocol.train((streams for _ in range(4)), labels, 3)
    source = torch.Generator().manual_seed(3)
    layers = {name: linear_classifier(part.shape[1], 3, source) for name, part in streams.items()}
    stepping, schedule = protocol.make_optimizer(
        [parameter for layer in layers.values() for parameter in layer.parameters()]
    )
    for _ in range(4):
        for batch in torch.randperm(30, generator=source).split(7):
            stepping.zero_grad()
            for name, layer in layers.items():
                F.cross_entropy(layer(streams[name][batch]), labels[batch]).backward()
            stepping.step()
        schedule.step()
    for name, layer in layers.items():
        torch.testing.assert_close(found[name].weight, layer.weight, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found[name].bias, layer.bias, rtol=1e-5, atol=1e-6)


def test_whitened_neighbours(random_clips):
    """Both sides are whitened by the training clips."""
    model, (train, test) = model_with(), datasets(random_clips)
    scores = KNNProtocol(k=3, whitening=0.2).run(model, train, test).scores
    gallery, queries = (extract_features(model, part)['joint'] for part in (train, test))
    mean, matrix = whitening_of(gallery, 0.2)
    gallery, queries = ((part - mean) @ matrix for part in (gallery, queries))
    assert torch.equal(scores, knn_scores(gallery, train.labels, queries, 3, 3))
    assert not torch.equal(scores, KNNProtocol(k=3).run(model, train, test).scores)
    with pytest.raises(ValueError, match='whitening must be a finite number above 0'):
        KNNProtocol(whitening=0)


@pytest.mark.parametrize('streams', [['joint'], ['joint', 'bone']])
def test_neighbours_of_codes(random_clips, streams):
    """The autoencoder is trained on the training clips' features, without labels."""
    model, (train, test) = model_with(streams=streams), datasets(random_clips)
    settings = dict(epochs=2, batch_size=4, code_dim=3)
    protocol = KNNProtocol(k=3, autoencoder=settings, seed=5)
    found = protocol.run(model, train, test)
    gallery, queries = (extract_features(model, part) for part in (train, test))
    by_stream = []
    for stream in streams:
        encoder = train_feature_autoencoder(gallery[stream], seed=5, **settings).encoder
        assert encoder(queries[stream]).shape == (len(test), 3)
        codes = encoder(gallery[stream]), train.labels, encoder(queries[stream])
        by_stream.append(knn_scores(*codes, 3, 3))
    assert torch.equal(found.scores, torch.stack(by_stream).mean(0))
    plain = KNNProtocol(k=3).run(model, train, test)
    assert not torch.equal(found.scores, plain.scores)
    for k in (1, 5):
        assert found.metrics[f'features/top{k}'] == plain.metrics[f'top{k}']
        assert f'features/top{k}' not in plain.metrics
    assert torch.equal(protocol.run(model, train, test).scores, found.scores)
    protocol.seed = 6
    assert not torch.equal(protocol.run(model, train, test).scores, found.scores)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(autoencoder=dict(epoch=3)), r"\['epoch'\]; expected some of \['epochs', 'batch"),
        (dict(autoencoder=dict(code_dim=0)), 'KNNProtocol: autoencoder.code_dim must be a whole'),
        (dict(autoencoder=dict(), whitening=0.1), 'autoencoder and whitening are both given'),
    ],
)
def test_wrong_settings_of_an_autoencoder(settings, message):
    with pytest.raises(ValueError, match=message):
        PROTOCOLS.build(dict(type='KNNProtocol', **settings))


@pytest.mark.parametrize('view', [None, RANDOM_VIEW], ids=['none', 'random'])
def test_standardised_probe_does_not_depend_on_the_features_scale(random_clips, view):
    """Ten times the features, shifted, give the same scores; without they do not."""

    def scores(factor: float, standardize: bool) -> torch.Tensor:
        model = model_with()
        readout = model.encoders['joint'].readout
        model.encoders['joint'].readout = lambda m: factor * readout(m) + factor - 1
        protocol = LinearProtocol(
            standardize=standardize, epochs=3, batch_size=3, weight_decay=0.1, train_view=view
        )
        return protocol.run(model, *datasets(random_clips)).scores

    torch.testing.assert_close(scores(10.0, True), scores(1.0, True), rtol=0, atol=1e-3)
    assert (scores(10.0, False) - scores(1.0, False)).abs().max() > 1e-2


def test_fixed_view_equals_precomputed_features(random_clips):
    protocol = LinearProtocol(epochs=4, batch_size=3, train_view=FIXED_VIEW)
    plain = LinearProtocol(epochs=4, batch_size=3)
    scores = [p.run(model_with(), *datasets(random_clips)).scores for p in (protocol, plain)]
    assert torch.equal(*scores)
    # And both equal a training by hand.
    model, (train, test) = model_with(), datasets(random_clips)
    features = extract_features(model, train)
    classifier = plain.train([features] * 4, train.labels, 3)['joint']
    expected = classifier(extract_features(model, test)['joint']).softmax(1)
    torch.testing.assert_close(scores[0], expected.detach())


def test_cached_probe_equals_one_that_runs_the_encoder_in_every_step(noisy_clips):
    """The same draws, but a frozen encoder in front of the classifier; also the best epoch."""
    model, (train, test) = model_with().train(), datasets(noisy_clips)
    modes = []
    encoder = next(m for m in model.query_networks.modules() if isinstance(m, BiGRU))
    watch = encoder.register_forward_hook(lambda module, *_: modes.append(module.training))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    settings = dict(epochs=6, batch_size=8, learning_rate=2.0, milestones=(3,), gamma=0.5, seed=4)
    result = LinearProtocol(**settings).run(model, train, test)
    watch.remove()
    assert modes == [False] * len(modes) != [], 'the encoder was in training mode'
    assert model.training, 'it is left as it came'
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())

    model.eval().requires_grad_(False)

    def encode(dataset, rows):
        clips = pad_clips([dataset[int(row)] for row in rows])
        return model(**model.data_preprocessor(clips))['joint']

    source = torch.Generator().manual_seed(4)
    weight = torch.empty(3, 8).normal_(std=0.01, generator=source).requires_grad_()
    bias = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([weight, bias], 2.0, 0.9)
    accuracies = []
    for epoch in range(6):
        optimizer.param_groups[0]['lr'] = 2.0 if epoch < 3 else 1.0
        for rows in torch.randperm(len(train), generator=source).split(8):
            optimizer.zero_grad()
            F.cross_entropy(encode(train, rows) @ weight.T + bias, train.labels[rows]).backward()
            optimizer.step()
        logits = (encode(test, range(len(test))) @ weight.T + bias).detach()
        accuracies.append(100 * float((logits.argmax(1) == test.labels).double().mean()))
    torch.testing.assert_close(result.scores, logits.softmax(1), rtol=1e-4, atol=1e-5)
    assert result.metrics['top1'] == accuracies[-1]
    assert result.metrics['best_top1'] == max(accuracies)
    assert result.metrics['best_epoch'] == 1 + accuracies.index(max(accuracies))


@pytest.mark.parametrize('view', [None, RANDOM_VIEW], ids=['none', 'random'])
@pytest.mark.parametrize('streams', [['joint'], ['joint', 'bone']])
def test_best_epoch_is_the_first_of_the_best(noisy_clips, streams, view):
    """A probe that stops after n epochs has, at its end, what a longer one had after epoch n."""
    settings = dict(batch_size=8, learning_rate=3.0, milestones=(), train_view=view)
    model, (train, test) = model_with(streams=streams), datasets(noisy_clips)
    last = [
        LinearProtocol(n, **settings).run(model, train, test).metrics['top1'] for n in range(1, 8)
    ]
    metrics = LinearProtocol(7, **settings).run(model, train, test).metrics
    assert metrics['top1'] == last[-1]
    assert metrics['best_top1'] == max(last)
    assert metrics['best_epoch'] == 1 + last.index(max(last))
    assert max(last) > min(last), 'all epochs alike would show nothing'


@pytest.mark.parametrize('standardize', [False, True])
def test_the_best_of_several_classifiers(noisy_clips, standardize):
    """Each is the one that a probe with its learning rate has; the headline stays."""
    settings = dict(epochs=4, batch_size=8, milestones=(), standardize=standardize)
    model, (train, test) = model_with(streams=['joint', 'bone']), datasets(noisy_clips)
    rates = [0.01, 3.0]
    alone = [
        LinearProtocol(learning_rate=rate, **settings).run(model, train, test).metrics['top1']
        for rate in rates
    ]
    protocol = LinearProtocol(learning_rate=0.01, search=dict(learning_rates=rates[:1]), **settings)
    metrics = protocol.run(model, train, test).metrics
    assert metrics['top1'] == metrics['best_of_1_top1'] == alone[0]
    protocol = LinearProtocol(learning_rate=0.01, search=dict(learning_rates=rates), **settings)
    metrics = protocol.run(model, train, test).metrics
    assert metrics['top1'] == alone[0]
    assert metrics['best_of_2_top1'] >= alone[0]


def test_searched_classifiers_take_parts_of_features():
    source = torch.Generator().manual_seed(0)
    features = torch.randn(12, 5, generator=source)
    labels = torch.arange(12) % 3
    encoder = SimpleNamespace(feature_dim=5, feature_parts={'class': 2, 'tokens': 3})
    protocol = LinearProtocol(epochs=3, batch_size=4, milestones=(2,), learning_rate=9.0)
    search = ClassifierSearch([0.5, 0.1], [['tokens'], ['class', 'tokens']])
    args = (protocol, [{'joint': features}] * 3, labels, {'joint': encoder}, 3)
    found = search.train(*args)
    assert search.choices[1] == (0.5, ('class', 'tokens'))
    source = torch.Generator().manual_seed(0)
    layers = [linear_classifier(5, 3, source) for _ in range(4)]
    orders = [torch.randperm(12, generator=source) for _ in range(3)]
    for number, layer in enumerate(layers):
        rate, parts = search.choices[number]
        seen = features.clone()
        seen[:, :2] *= 'class' in parts
        optimizer = torch.optim.SGD(layer.parameters(), rate, 0.9)
        for epoch, order in enumerate(orders):
            optimizer.param_groups[0]['lr'] = rate if epoch < 2 else rate / 10
            for batch in order.split(4):
                optimizer.zero_grad()
                F.cross_entropy(layer(seen[batch]), labels[batch]).backward()
                optimizer.step()
        classifier = found[number]['joint']
        torch.testing.assert_close(classifier(features), layer(seen))
    top1 = search.metrics(found, {'joint': features}, labels)
    best = max(float((c['joint'](features).argmax(1) == labels).float().mean()) for c in found)
    assert top1 == {'best_of_4_top1': pytest.approx(100 * best)}


def test_wrong_searches():
    with pytest.raises(ValueError, match='learning_rates is empty; expected one or more numbers'):
        LinearProtocol(search=dict(learning_rates=[]))
    with pytest.raises(ValueError, match='parts must be a list of different names'):
        LinearProtocol(search=dict(learning_rates=[0.1], parts=[[]]))


def test_random_view_is_encoded_anew_in_every_epoch(random_clips):
    """The probe is given the features of each epoch; watch them."""
    given = []

    class Watching(LinearProtocol):
        def train(self, features_of_epochs, labels, num_classes, after_epoch=None):
            features = list(features_of_epochs)
            given.append([epoch['joint'].clone() for epoch in features])
            return super().train(features, labels, num_classes, after_epoch)

    for view, seed in ((RANDOM_VIEW, 0), (RANDOM_VIEW, 0), (RANDOM_VIEW, 1), (FIXED_VIEW, 0)):
        protocol = Watching(epochs=3, train_view=view, seed=seed)
        protocol.run(model_with(), *datasets(random_clips))
    in_turn = Watching(epochs=5, train_view=RANDOM_VIEW, num_views=2)
    in_turn.run(model_with(), *datasets(random_clips))
    random, again, other_seed, fixed, two = given
    assert len(random) == len(fixed) == 3
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not torch.equal(random[a], random[b])
        assert torch.equal(fixed[a], fixed[b])
    for epoch in range(3):
        assert torch.equal(random[epoch], again[epoch])
        assert not torch.equal(random[epoch], other_seed[epoch])
    for epoch in range(5):  # epochs take the two views in turn
        assert torch.equal(two[epoch], random[epoch % 2])


@pytest.mark.parametrize('view', [None, FIXED_VIEW], ids=['none', 'fixed'])
def test_several_views_need_draws(view):
    with pytest.raises(ValueError, match='num_views=4 needs a train_view with random draws'):
        LinearProtocol(train_view=view, num_views=4)


@pytest.mark.parametrize('view', [RANDOM_VIEW, FIXED_VIEW], ids=['random', 'fixed'])
def test_test_clips_have_the_evaluation_view_whatever_the_train_view(random_clips, view):
    model, (train, test) = model_with(), datasets(random_clips)
    result = LinearProtocol(epochs=1, train_view=view).run(model, train, test)
    expected = extract_features(model, test)['joint']
    assert torch.equal(result.features['joint'], expected)


def test_classifier_equals_sgd_by_hand():
    source = torch.Generator().manual_seed(5)
    features, labels = torch.randn(10, 4, generator=source), torch.arange(10) % 3
    protocol = LinearProtocol(
        epochs=4, batch_size=4, learning_rate=0.5, weight_decay=0.01, milestones=(2,), seed=3
    )
    found = protocol.train([{'joint': features}] * 4, labels, 3)['joint']
    source = torch.Generator().manual_seed(3)
    weight = torch.empty(3, 4).normal_(std=0.01, generator=source).requires_grad_()
    bias = torch.zeros(3, requires_grad=True)
    speed = [torch.zeros(3, 4), torch.zeros(3)]
    for epoch in range(4):
        order = torch.randperm(10, generator=source)
        for start in range(0, 10, 4):
            rows = order[start : start + 4]
            loss = F.cross_entropy(features[rows] @ weight.T + bias, labels[rows])
            gradients = torch.autograd.grad(loss, [weight, bias])
            with torch.no_grad():
                for p, v, g in zip((weight, bias), speed, gradients):
                    v.mul_(0.9).add_(g + 0.01 * p)
                    p -= 0.5 * (0.1 if epoch >= 2 else 1) * v
    torch.testing.assert_close(found.weight, weight)
    torch.testing.assert_close(found.bias, bias)


@pytest.mark.parametrize(
    'config',
    [
        dict(type='KNNProtocol', k=2),
        dict(type='LinearProtocol', epochs=2, train_view=RANDOM_VIEW),
    ],
)
def test_streams_are_fused_by_their_mean_scores(random_clips, config):
    protocol = PROTOCOLS.build(config)
    train, test = datasets(random_clips)
    model = model_with(streams=['joint', 'bone'])
    by_stream = protocol.scores(model, train, test)
    result = protocol.run(model, train, test)
    assert list(by_stream) == ['joint', 'bone']
    fused = (by_stream['joint'] + by_stream['bone']) / 2
    torch.testing.assert_close(result.scores, fused)
    for k in (1, 5):
        assert result.metrics[f'top{k}'] == top_k_accuracy(fused, test.labels, k)
        for stream, scores in by_stream.items():
            assert result.metrics[f'{stream}/top{k}'] == top_k_accuracy(scores, test.labels, k)


def test_knn_protocol(separable_clips):
    model = model_with(data_preprocessor=NO_NORMALISATION).train()
    train, test = datasets(separable_clips)
    result = KNNProtocol().run(model, train, test)
    assert result.metrics == {'top1': 100, 'top5': 100, 'num_train': 40, 'num_test': 20}
    features = [F.normalize(extract_features(model, d)['joint'], dim=1) for d in (train, test)]
    for row, feature in zip(result.scores, features[1]):
        nearest = (features[0] @ feature).argmax()
        assert row.argmax() == train.labels[nearest]


def test_different_classes_are_refused(random_clips, tmp_path):
    with ClipWriter(tmp_path / 'x.safetensors', 'kinect_v2', ['a'], 'other') as writer:
        writer.add('clip', np.ones((1, 5, 25, 3), np.float32), label=0, splits=['test'])
    other = SkeletonDataset(tmp_path / 'x.safetensors', 'test', num_people=2)
    with pytest.raises(ValueError, match='train and test split have different classes: 3 in'):
        KNNProtocol().run(model_with(), datasets(random_clips)[0], other)


@pytest.mark.parametrize('protocol', ['KNNProtocol', 'RetrievalProtocol', 'LinearProtocol'])
def test_results_keep_the_test_clips_features(random_clips, protocol):
    model = tiny_model(streams=['joint', 'bone']).eval()
    train, test = SkeletonDataset(random_clips, 'train'), SkeletonDataset(random_clips, 'test')
    result = PROTOCOLS.build(dict(type=protocol)).run(model, train, test)
    expected = extract_features(model, test)
    assert list(result.features) == ['joint', 'bone']
    assert all(torch.equal(result.features[stream], expected[stream]) for stream in expected)


@pytest.mark.parametrize('optimizer', ['SGD', 'Adam'])
@pytest.mark.parametrize('cosine', [False, True])
def test_optimizers_and_schedules(optimizer, cosine):
    protocol = LinearProtocol(
        epochs=8, learning_rate=0.5, milestones=[3], optimizer=optimizer, cosine=cosine
    )
    made, scheduler = protocol.make_optimizer([torch.nn.Parameter(torch.zeros(1))])
    assert type(made).__name__ == optimizer
    rates = []
    for _ in range(8):
        rates.append(made.param_groups[0]['lr'])
        made.step()
        scheduler.step()
    falling = [0.25 * (1 + math.cos(math.pi * epoch / 8)) for epoch in range(8)]
    assert rates == pytest.approx(falling if cosine else [0.5] * 3 + [0.05] * 5)
