"""A classifier's own scores, and the protocols for encoders on a classifier."""

import numpy as np
import pytest
import torch

from halp_mm.apis import evaluate, load_config
from halp_mm.datasets import ClipWriter, SkeletonDataset, pad_clips
from halp_mm.evaluation import ClassifierProtocol, KNNProtocol, LinearProtocol, extract_features
from tests.helpers import tiny_classifier, tiny_model
from tests.runs import CONFIG


def datasets(path) -> tuple[SkeletonDataset, SkeletonDataset]:
    return SkeletonDataset(path, 'train'), SkeletonDataset(path, 'test')


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('stream', ['joint', 'motion'])
def test_scores_equal_those_of_single_clips(random_clips, stream, training):
    model = tiny_classifier(streams=[stream], dropout=0.5).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train, test = datasets(random_clips)
    result = ClassifierProtocol(encoding_batch_size=3).run(model, train, test)
    assert model.training == training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not result.scores.requires_grad
    assert result.labels.tolist() == test.labels.tolist()
    model.eval()
    right = 0
    for i, label in enumerate(test.labels.tolist()):
        with torch.no_grad():
            feature = model(**model.data_preprocessor(pad_clips([test[i]])))[stream][0]
            logits = model.classifier.weight @ feature + model.classifier.bias
        probabilities = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum()
        np.testing.assert_allclose(result.scores[i].numpy(), probabilities, rtol=1e-4)
        right += int(probabilities.argmax() == label)
    assert result.metrics == {
        'top1': 100 * right / len(test),
        'top5': 100.0,
        'num_train': 8,
        'num_test': 4,
    }


def test_other_protocols_take_a_classifier(random_clips):
    model = tiny_classifier(streams=['bone']).eval()
    train, test = datasets(random_clips)
    features = [extract_features(model, dataset)['bone'].double() for dataset in (train, test)]
    result = KNNProtocol().run(model, train, test)
    for row, feature in zip(result.scores, features[1]):
        cosine = np.array([float(f @ feature / (f.norm() * feature.norm())) for f in features[0]])
        nearest = np.flatnonzero(cosine >= cosine.max() - 1e-6)  # as near as float32 can tell
        assert len(nearest) < len(train)
        assert row.argmax() in train.labels[nearest]
    result = LinearProtocol(epochs=2).run(model, train, test)
    assert result.scores.shape == (4, 3)


def test_a_pretrainer_has_no_scores_of_its_own(random_clips):
    with pytest.raises(ValueError, match='needs a SkeletonClassifier, found a Pretrainer'):
        ClassifierProtocol().run(tiny_model(), *datasets(random_clips))


def test_other_number_of_classes(random_clips):
    model = tiny_classifier(num_classes=5)
    with pytest.raises(ValueError, match=r'num_classes is 5, but .* has 3 classes') as error:
        ClassifierProtocol().run(model, *datasets(random_clips))
    assert str(random_clips) in str(error.value)
    assert 'set model.num_classes=3' in str(error.value)


def test_other_classes_in_the_test_split(random_clips, tmp_path):
    with ClipWriter(tmp_path / 'x.safetensors', 'kinect_v2', ['a'], 'other') as writer:
        writer.add('clip', np.ones((1, 5, 25, 3), np.float32), label=0, splits=['test'])
    other = SkeletonDataset(tmp_path / 'x.safetensors', 'test')
    with pytest.raises(ValueError, match='different classes: 3 in'):
        ClassifierProtocol().run(tiny_classifier(), SkeletonDataset(random_clips, 'train'), other)


def test_a_pretrainers_config_has_no_such_protocol():
    config = load_config(CONFIG)
    with pytest.raises(ValueError, match=r"no protocol 'classifier'; it has \[.*'knn', 'linear', "):
        evaluate(config, None, 'classifier')
