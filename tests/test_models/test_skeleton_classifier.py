"""The classifier, against losses and steps done by hand."""

import math
from copy import deepcopy

import pytest
import torch

from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.skeletons import derive_stream
from halp_mm.transforms import RelativeNormalize3D
from tests.helpers import generator, tiny_classifier
from tests.helpers import random_clips as random_batch
from tests.test_models.test_no_waiting import RefuseToWait

BIGRU = dict(type='BiGRU', hidden_size=4, num_layers=1)
LABELS = torch.tensor([2, 0, 1, 1, 2])


def views_of(stream: str = 'joint', seed: int = 0) -> dict:
    clips = torch.randn(len(LABELS), 2, 8, 25, 3, generator=generator(seed))
    return {'clip': {stream: clips}}


def cross_entropy_by_hand(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Clip by clip and class by class."""
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist()):
        largest = max(row)
        exponentials = [math.exp(logit - largest) for logit in row]
        total -= math.log(exponentials[label] / sum(exponentials))
    return total / len(labels)


@pytest.mark.parametrize('encoder', [None, BIGRU], ids=['stgcn', 'bigru'])
def test_loss_and_accuracy_equal_those_by_hand(encoder):
    model = tiny_classifier(**({'encoder': encoder} if encoder else {})).train()
    views = views_of()
    losses = model(views, LABELS, mode='loss')
    assert list(losses) == ['loss_classification', 'train_accuracy']
    features = model.encoder(views['clip']['joint'])
    logits = features @ model.classifier.weight.T + model.classifier.bias
    expected = cross_entropy_by_hand(logits, LABELS)
    assert losses['loss_classification'].item() == pytest.approx(expected, rel=1e-5)
    right = [row.index(max(row)) == label for row, label in zip(logits.tolist(), LABELS.tolist())]
    assert losses['train_accuracy'].item() == pytest.approx(sum(right) / len(right))
    total, logged = model.parse_losses(losses)
    assert total.item() == losses['loss_classification'].item(), 'the accuracy is no loss'
    assert set(logged) == {'loss', *losses}


def test_a_step_moves_encoder_and_classifier_together():
    model = tiny_classifier().train()
    before = deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses = model(views_of(), LABELS, mode='loss')
    losses['loss_classification'].backward()
    assert all(p.grad is not None for p in model.parameters())
    optimizer.step()
    logits = before.classifier(before.encoder(views_of()['clip']['joint']))
    chosen = logits.gather(1, LABELS[:, None]).sum()
    by_hand = (logits.exp().sum(1).log().sum() - chosen) / len(LABELS)
    gradients = torch.autograd.grad(by_hand, list(before.parameters()))
    for mine, theirs, gradient in zip(model.parameters(), before.parameters(), gradients):
        torch.testing.assert_close(mine, theirs - 0.1 * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('stream', ['joint', 'bone', 'motion'])
def test_one_setting_changes_the_stream(stream, random_clips):
    model = tiny_classifier(streams=[stream]).eval()
    dataset = SkeletonDataset(random_clips, 'train')
    batch = pad_clips([dataset[i] for i in range(5)])
    for training in (False, True):
        made = model.data_preprocessor(batch, training)
        assert list(made['views']) == ['clip']
        assert list(made['views']['clip']) == [stream]
    features = model(**made, mode='tensor')
    assert list(features) == [stream]
    clips = random_batch((5, 9))
    normalized = RelativeNormalize3D(8)(clips)
    alone = model.data_preprocessor(
        {
            'clips': clips.coordinates,
            'num_frames': clips.num_frames,
            'labels': LABELS[:2],
            'layout': clips.layout,
            'normalized': False,
        }
    )
    expected = model.encoder(derive_stream(normalized, stream))
    assert torch.equal(model(**alone)[stream], expected)


def test_dropout_is_for_training_only():
    model = tiny_classifier(dropout=0.5).train()
    torch.manual_seed(0)
    views = views_of()
    first, second = (model(views, LABELS, mode='loss')['loss_classification'] for _ in range(2))
    assert first != second
    model.eval()
    first, second = (model(views, LABELS, mode='loss')['loss_classification'] for _ in range(2))
    assert first == second
    assert first.item() == pytest.approx(
        cross_entropy_by_hand(model.classifier(model(views, LABELS)['joint']), LABELS), rel=1e-5
    )


def test_training_step_does_not_wait(random_clips):
    model = tiny_classifier(dropout=0.5).train()
    dataset = SkeletonDataset(random_clips, 'train')
    batch = pad_clips([dataset[i] for i in range(4)])
    with RefuseToWait():
        losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
        losses['loss_classification'].backward()
    assert losses['loss_classification'].isfinite()


def test_loss_is_in_full_precision_under_autocast():
    with torch.autocast('cpu', torch.bfloat16):
        losses = tiny_classifier()(views_of(), LABELS, mode='loss')
    assert losses['loss_classification'].dtype == torch.float32


@pytest.mark.parametrize('streams', [[], ['joint', 'bone'], 'joint'])
def test_other_numbers_of_streams(streams):
    with pytest.raises(ValueError, match=r'a list of (one stream|texts)') as error:
        tiny_classifier(streams=streams)
    assert repr(streams) in str(error.value)


def test_unknown_stream():
    with pytest.raises(ValueError, match="unknown stream 'bones'"):
        tiny_classifier(streams=['bones'])


def test_no_class():
    with pytest.raises(ValueError, match='num_classes must be a whole number of at least 2, got 0'):
        tiny_classifier(num_classes=0)


def test_preprocessor_of_a_pretrainer():
    views = dict(query=[], key=[])
    preprocessor = dict(type='SkeletonPreprocessor', views=views)
    with pytest.raises(ValueError, match=r"has views \['clip'\]; .* has \['query', 'key'\]"):
        tiny_classifier(data_preprocessor=preprocessor)


def test_training_without_a_view():
    model = tiny_classifier(data_preprocessor=None)
    with pytest.raises(ValueError, match=r"reads the view 'clip', found \[\]; rename the training"):
        model({}, LABELS, mode='loss')


def test_unknown_mode():
    with pytest.raises(ValueError, match="mode must be 'loss' or 'tensor', got 'predict'"):
        tiny_classifier()(views_of(), LABELS, mode='predict')
