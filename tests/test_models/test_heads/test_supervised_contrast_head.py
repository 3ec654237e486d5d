"""The supervised contrast against loops, SimCLR and two ranks."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models import Pretrainer, StreamOutputs, SupervisedContrastHead
from halp_mm.models.heads.mean_contrast_head import contrast_pairs
from halp_mm.models.heads.supervised_contrast_head import contrast_classes
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator
from tests.ranks import connected, run_ranks

LABELS = torch.tensor([0, 1, 0, 2, 1, 0, -1, -1])


def embeddings(seed: int = 0, rows: int = 8) -> torch.Tensor:
    return torch.randn(rows, 6, generator=generator(seed), dtype=torch.double)


def outputs(labels: torch.Tensor | None = LABELS) -> StreamOutputs:
    return StreamOutputs('joint', queries={'query': embeddings()}, labels=labels)


def loop(rows: torch.Tensor, classes: list[int], temperature: float) -> float:
    """Khosla et al., Eq. (2), mean over the clips that have positives."""
    rows = F.normalize(rows, dim=1)
    losses = []
    for i, row in enumerate(rows):
        others = [j for j in range(len(rows)) if j != i]
        total = sum(math.exp(float(row @ rows[j]) / temperature) for j in others)
        positives = [j for j in others if classes[j] == classes[i]]
        if positives:
            terms = [float(row @ rows[j]) / temperature - math.log(total) for j in positives]
            losses.append(-sum(terms) / len(positives))
    return sum(losses) / len(losses)


def test_the_loss_equals_a_loop():
    head = SupervisedContrastHead(temperature=0.3)
    scalars = head.stream_loss(outputs(), TrainingProgress())
    expected = loop(embeddings(), [0, 1, 0, 2, 1, 0, -7, -8], 0.3)  # no label is a class
    assert scalars['loss'].item() == pytest.approx(expected)


def test_two_views_without_labels_are_simclr():
    rows = embeddings(), embeddings(1)
    given = StreamOutputs(
        'joint', queries=dict(zip(('query', 'key'), rows)), labels=torch.full([8], -1)
    )
    head = SupervisedContrastHead(['query', 'key'], temperature=0.5)
    scalars = head.stream_loss(given, TrainingProgress())
    both, itself = F.normalize(torch.cat(rows)), torch.eye(16, dtype=torch.bool)
    similarity = (both @ both.T / 0.5).masked_fill(itself, -torch.inf)
    expected = F.cross_entropy(similarity, torch.arange(16).roll(8))
    torch.testing.assert_close(scalars['loss'], expected)
    assert scalars['loss'] < contrast_pairs(*rows, 0.5)  # which counts a row itself as well


def test_accuracy_is_the_share_of_nearest_rows_of_the_class():
    rows = torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [0.6, 0.6], [-1, 0]])
    scalars = contrast_classes(rows, torch.tensor([0, 0, 1, 1, 2]), 0.1)
    # The third row's nearest is the fourth, whose nearest is the second.
    assert scalars['accuracy'] == 0.75


def test_without_positives_there_is_nothing_to_learn():
    rows = embeddings().requires_grad_()
    scalars = contrast_classes(rows, torch.arange(8), 0.1)
    scalars['loss'].backward()
    assert scalars['loss'] == scalars['accuracy'] == 0
    assert not rows.grad.any()


def test_wrong_settings():
    with pytest.raises(ValueError, match='views must be a list of different names'):
        SupervisedContrastHead(['query', 'query'])
    with pytest.raises(ValueError, match='temperature'):
        SupervisedContrastHead(temperature=0)
    with pytest.raises(ValueError, match='needs the labels of the batch'):
        SupervisedContrastHead().stream_loss(outputs(None), TrainingProgress())


def build() -> Pretrainer:
    torch.manual_seed(0)
    return Pretrainer(
        encoder=dict(type='BiGRU', num_people=1, hidden_size=4, num_layers=1, input_norm=None),
        projector=dict(type='Projector', out_dim=6),
        heads=dict(contrast=dict(type='SupervisedContrastHead')),
    )


def loss_and_gradient(model: Pretrainer, rows: slice) -> dict[str, torch.Tensor]:
    clips = torch.randn(8, 1, 5, 25, 3, generator=generator(3))[rows]
    views = {'query': {'joint': clips}}
    losses = model(views, LABELS[rows], progress=TrainingProgress(), mode='loss')
    losses['joint/contrast/loss'].backward()
    weight = model.encoders['joint'].forward_cells[0].weight_ih_l0
    return {'loss': losses['joint/contrast/loss'].detach(), 'gradient': weight.grad}


def contrast_as_rank(rank: int, folder: str) -> None:
    with connected(rank, folder):
        found = loss_and_gradient(build(), slice(4 * rank, 4 * rank + 4))
        torch.save(found, f'{folder}/rank{rank}.pth')


def test_ranks_contrast_each_other(tmp_path: Path):
    expected = loss_and_gradient(build(), slice(None))
    ranks = run_ranks(contrast_as_rank, tmp_path)
    for found in ranks:
        torch.testing.assert_close(found['loss'], expected['loss'])
    mean = (ranks[0]['gradient'] + ranks[1]['gradient']) / 2
    torch.testing.assert_close(mean, expected['gradient'])
