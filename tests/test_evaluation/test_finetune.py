"""Fine-tuning, against a classifier that is trained by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from halp_mm.datasets import ClipWriter, SkeletonDataset, pad_clips
from halp_mm.evaluation import FinetuneProtocol, TransferProtocol
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import tiny_classifier, tiny_model

VIEW = [dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=4, num_frames=8)]
GRU = dict(type='BiGRU', hidden_size=4, num_layers=1)
GCN = dict(type='STGCN', base_channels=16, stages=(1, 1), feature_dim=6, dropout=0.3)


def write_poses(path, train=14, test=6, classes=3):
    """Clips of one pose a class, with a little noise, which are easily learned."""
    rng = np.random.default_rng(0)
    poses = rng.normal(size=(classes, 25, 3))
    with ClipWriter(path, 'kinect_v2', [f'pose{i}' for i in range(classes)], 'poses') as writer:
        for i in range(train + test):
            clip = poses[i % classes] + 0.05 * rng.normal(size=(1 + i % 2, 10 + i % 7, 25, 3))
            split = 'train' if i < train else 'test'
            writer.add(f'clip{i:03d}', clip.astype(np.float32), label=i % classes, splits=[split])
    return path


@pytest.fixture
def poses(tmp_path):
    path = write_poses(tmp_path / 'poses.safetensors')
    return SkeletonDataset(path, 'train'), SkeletonDataset(path, 'test')


def model_with(**kwargs):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_model(**kwargs)


def scores_by_hand(model, encoder_config, train, test, view, epochs, rate, decay, seed):
    """Train a SkeletonClassifier that starts as the model's encoder, batches of 4, by a loop."""
    config = dict(type='SkeletonPreprocessor', views=dict(clip=view), streams=['joint'])
    config['normalization'] = [dict(type='PreNormalize3D')]
    config['evaluation_view'] = [dict(type='CenterCropResize', num_frames=8)]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        classifier = MODELS.build(
            dict(
                type='SkeletonClassifier',
                encoder=encoder_config,
                num_classes=3,
                data_preprocessor=config,
            )
        )
        classifier.encoder.load_state_dict(model.encoders['joint'].state_dict())
        source = torch.Generator().manual_seed(seed)
        torch.nn.init.normal_(classifier.classifier.weight, std=0.01, generator=source)
        torch.nn.init.zeros_(classifier.classifier.bias)
        classifier.train()
        torch.manual_seed(seed)  # for dropout
        speeds = [torch.zeros_like(p) for p in classifier.parameters()]
        iteration = 0
        for epoch in range(epochs):
            order = torch.randperm(len(train), generator=source).tolist()
            for start in range(0, len(train), 4):
                progress = TrainingProgress(epoch, iteration, -(-len(train) // 4), seed)
                batch = pad_clips([train[i] for i in order[start : start + 4]])
                batch['progress'] = progress
                views = classifier.data_preprocessor(batch, training=True)
                loss = classifier(**views, mode='loss')['loss_classification']
                gradients = torch.autograd.grad(loss, list(classifier.parameters()))
                with torch.no_grad():
                    for p, v, g in zip(classifier.parameters(), speeds, gradients):
                        v.mul_(0.9).add_(g + decay * p)
                        p -= rate * (0.1 if epoch >= 2 else 1) * v
                iteration += 1
    classifier.eval()
    rows = []
    for i in range(len(test)):
        with torch.no_grad():
            feature = classifier(**classifier.data_preprocessor(pad_clips([test[i]])))['joint']
            rows.append(classifier.classifier(feature).softmax(1)[0])
    return torch.stack(rows)


@pytest.mark.parametrize('encoder', [GRU, GCN], ids=['gru', 'gcn'])
@pytest.mark.parametrize('view', [VIEW, None], ids=['random', 'evaluation view'])
def test_scores_equal_a_classifier_trained_by_hand(poses, encoder, view):
    train, test = poses
    model = model_with(encoder=encoder)
    fixed = [dict(type='CenterCropResize', num_frames=8)]
    expected = scores_by_hand(model, encoder, train, test, view or fixed, 3, 0.05, 0.01, seed=7)
    protocol = FinetuneProtocol(
        epochs=3,
        batch_size=4,
        learning_rate=0.05,
        weight_decay=0.01,
        milestones=(2,),
        train_view=view,
        seed=7,
    )
    result = protocol.run(model, train, test)
    torch.testing.assert_close(result.scores, expected, rtol=1e-4, atol=1e-5)
    right = sum(int(row.argmax()) == label for row, label in zip(expected, test.labels.tolist()))
    assert result.metrics['top1'] == pytest.approx(100 * right / 6)
    counts = {key: result.metrics[key] for key in ('top5', 'num_train', 'num_test')}
    assert counts == {'top5': 100, 'num_train': 14, 'num_test': 6}


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('make', [model_with, tiny_classifier])
def test_the_model_is_left_as_it_was(poses, make, training):
    model = make().train(training)
    model.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    FinetuneProtocol(epochs=2, learning_rate=0.5).run(model, *poses)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(module.training == training for module in model.modules())
    assert not any(p.requires_grad or p.grad is not None for p in model.parameters())


def test_what_is_easy_is_learned(poses):
    train, test = poses
    model = model_with(data_preprocessor=dict(type='SkeletonPreprocessor'))
    protocol = FinetuneProtocol(epochs=15, batch_size=4, learning_rate=0.1)
    result = protocol.run(model, train, test)
    assert result.metrics['top1'] == 100
    assert result.protocol == 'FinetuneProtocol'
    torch.testing.assert_close(result.scores.sum(1), torch.ones(6))
    assert not result.scores.requires_grad


def test_it_is_deterministic(poses):
    def scores(seed: int) -> torch.Tensor:
        torch.rand(seed + 3)  # PyTorch's own generator must not matter
        protocol = FinetuneProtocol(epochs=2, batch_size=5, train_view=VIEW, seed=seed)
        return protocol.run(model_with(encoder=GCN), *poses).scores

    assert torch.equal(scores(0), scores(0))
    assert not torch.equal(scores(0), scores(1))


def test_streams_train_apart_and_their_scores_are_averaged(poses):
    train, test = poses
    # In one batch the order of clips, which is drawn after all streams' layers, does not matter.
    protocol = FinetuneProtocol(epochs=4, batch_size=14, learning_rate=0.1, weight_decay=0.1)
    both = model_with(streams=['joint', 'bone'])
    alone = model_with(streams=['joint'])
    alone.encoders['joint'].load_state_dict(both.encoders['joint'].state_dict())
    by_stream = protocol.scores(both, train, test)
    assert list(by_stream) == ['joint', 'bone']
    result = protocol.run(both, train, test)
    torch.testing.assert_close(result.scores, (by_stream['joint'] + by_stream['bone']) / 2)
    assert {'joint/top1', 'joint/top5', 'bone/top1', 'bone/top5'} < result.metrics.keys()
    torch.testing.assert_close(protocol.scores(alone, train, test)['joint'], by_stream['joint'])


def test_two_representations_of_one_stream(poses):
    """As in ISC: a sequence and a graph of the same joints, each with an encoder of its kind."""
    train, test = poses
    preprocessor = dict(
        type='SkeletonPreprocessor',
        normalization=[dict(type='PreNormalize3D')],
        evaluation_view=[dict(type='CenterCropResize', num_frames=8)],
    )
    both = model_with(
        encoder=dict(sequence=GRU, graph={**GCN, 'dropout': 0.0}),
        streams=dict(sequence='joint', graph='joint'),
        data_preprocessor=preprocessor,
    )
    alone = model_with(encoder=GRU, data_preprocessor=preprocessor)
    alone.encoders['joint'].load_state_dict(both.encoders['sequence'].state_dict())
    protocol = FinetuneProtocol(epochs=3, batch_size=14, learning_rate=0.1)
    by_stream = protocol.scores(both, train, test)
    assert list(by_stream) == ['sequence', 'graph']
    torch.testing.assert_close(protocol.scores(alone, train, test)['joint'], by_stream['sequence'])


def test_transfer_is_fine_tuning_that_needs_a_target(poses):
    assert TransferProtocol.needs_target
    assert not FinetuneProtocol.needs_target
    scores = [
        protocol(epochs=2, seed=3).run(model_with(), *poses).scores
        for protocol in (TransferProtocol, FinetuneProtocol)
    ]
    assert torch.equal(*scores)


def test_best_epoch_is_that_of_runs_of_every_length(poses):
    """Without milestones a longer run begins as a shorter one."""
    settings = dict(batch_size=5, learning_rate=0.1, milestones=[])
    lengths = range(1, 7)
    top1 = [
        FinetuneProtocol(epochs=epochs, **settings).run(model_with(), *poses).metrics['top1']
        for epochs in lengths
    ]
    metrics = FinetuneProtocol(epochs=6, **settings).run(model_with(), *poses).metrics
    assert metrics['top1'] == top1[-1]
    assert metrics['best_top1'] == max(top1)
    assert metrics['best_epoch'] == 1 + top1.index(max(top1))


def test_divergence_is_said(poses):
    protocol = FinetuneProtocol(epochs=9, batch_size=4, learning_rate=1e30)
    with pytest.raises(ValueError, match=r'diverged: the loss in epoch \d of 9 is nan; expected'):
        protocol.run(model_with(encoder=GCN), *poses)


def test_different_classes_are_refused(poses, tmp_path):
    other = SkeletonDataset(write_poses(tmp_path / 'x.safetensors', classes=2), 'test')
    with pytest.raises(ValueError, match='different classes: 3 in'):
        FinetuneProtocol().run(model_with(), poses[0], other)


def test_linear_layers_gradient_is_cross_entropys(poses):
    """One step of all clips moves the bias by the rate times the mean of target - probability."""
    train, test = poses
    model = model_with()
    model.encoders['joint'].requires_grad_(False)
    for p in model.encoders['joint'].parameters():
        p.zero_()  # features are 0 whatever the clip
    protocol = FinetuneProtocol(epochs=1, batch_size=14, learning_rate=0.5)
    scores = protocol.run(model, train, test).scores
    target = F.one_hot(train.labels, 3).double().mean(0)
    bias = 0.5 * (target - 1 / 3)
    expected = bias.softmax(0).float().expand(6, 3)
    torch.testing.assert_close(scores, expected, rtol=1e-2, atol=1e-3)


def test_a_perceptron_can_stand_between_encoder_and_classes(poses):
    model, settings = model_with(), dict(epochs=2, batch_size=4)
    protocol = TransferProtocol(hidden_dim=5, **settings)
    scores = protocol.scores(model, *poses)['joint']
    assert scores.shape == (len(poses[1]), 3)
    assert torch.equal(protocol.scores(model, *poses)['joint'], scores)
    linear = TransferProtocol(**settings).scores(model, *poses)['joint']
    assert not torch.equal(linear, scores)

    source = torch.Generator().manual_seed(0)
    encoder, classifier = TransferProtocol(hidden_dim=5).new_networks(model, poses[0], source)[
        'joint'
    ]
    assert encoder.feature_dim == 8
    hidden, _, last = classifier
    assert [tuple(p.shape) for p in classifier.parameters()] == [(5, 8), (5,), (3, 5), (3,)]
    features = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    expected = last((features @ hidden.weight.T + hidden.bias).clamp(min=0))
    torch.testing.assert_close(classifier(features), expected)
    with pytest.raises(ValueError, match='hidden_dim must be a whole number of at least 1, got 0'):
        TransferProtocol(hidden_dim=0)
