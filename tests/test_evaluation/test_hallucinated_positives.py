"""What is said about hallucinated positives, against explicit vectors and loops."""

import math

import pytest
import torch
import torch.nn.functional as F

from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.evaluation.hallucinated_positives import (
    ViewEmbeddings,
    embed_views,
    measure_positives,
)
from halp_mm.models import HaLPHead
from halp_mm.models.modules import spherical_kmeans
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator, tiny_model

LABELS = torch.tensor([0, 1, 2] * 10 + [3])  # the last class has a single clip


def around_classes(seed: int) -> torch.Tensor:
    """Unit vectors ``[31, 6]``, those of a class near to each other."""
    centres = torch.randn(4, 6, generator=generator(9))
    noise = torch.randn(len(LABELS), 6, generator=generator(seed))
    return F.normalize((centres[LABELS] + 0.5 * noise).double(), dim=1)


def embeddings() -> ViewEmbeddings:
    return ViewEmbeddings(*(around_classes(seed) for seed in range(4)))


def head_of(**settings: object) -> HaLPHead:
    return HaLPHead(num_positives=12, num_newest=24, **({'num_prototypes': 5} | settings))


def tangent(start: torch.Tensor, towards: torch.Tensor) -> torch.Tensor:
    return towards - (start @ towards) * start


def cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    return (first @ second / (first.norm() * second.norm())).item()


def degrees_between(first: torch.Tensor, second: torch.Tensor) -> float:
    return math.degrees(math.acos(min(1.0, (first @ second).item())))


@pytest.mark.parametrize('settings', [{}, {'anchor': 'query'}, {'hardest_only': True}])
def test_facts_are_those_of_explicit_vectors(settings):
    views, head, draws = embeddings(), head_of(**settings), generator(7)
    facts = measure_positives(head, views, LABELS, num_anchors=20, seed=7)
    chosen = torch.randperm(len(LABELS), generator=draws)[:20].tolist()
    prototypes = spherical_kmeans(views.queue[:24], 5, draws)
    anchors = views.queries if settings.get('anchor') == 'query' else views.anchors
    positives = head.hallucinate(anchors[chosen], prototypes, generator=draws)
    of = {name: [] for name in ('own', 'same_class', 'other_class', 'angle', 'neighbour_purity')}
    of |= {name: [] for name in ('view_angle', 'neighbour_angle', 'pull_key', 'pull_class')}
    of |= {name: [] for name in ('key_class', 'pull_centre', 'key_centre')}
    for row, clip in enumerate(chosen):
        kept_vectors = []
        for column in positives.kept[row].nonzero().flatten().tolist():
            target = prototypes[positives.target[row, column]]
            vector = positives.alpha[row, column] * anchors[clip]
            vector = vector + positives.beta[row, column] * target
            kept_vectors.append(vector)
            of['angle'].append(degrees_between(vector, anchors[clip]))
            nearest = max(range(len(LABELS)), key=lambda i: (views.others[i] @ vector).item())
            is_same = LABELS[nearest] == LABELS[clip]
            of['own'].append(nearest == clip)
            of['same_class'].append(bool(is_same) and nearest != clip)
            of['other_class'].append(not is_same)
        query, key = views.queries[clip], views.anchors[clip]
        others = [i for i in range(len(LABELS)) if i != clip]
        neighbour = max(others, key=lambda i: (views.others[i] @ key).item())
        of['view_angle'].append(degrees_between(key, views.others[clip]))
        of['neighbour_angle'].append(degrees_between(key, views.others[neighbour]))
        of['neighbour_purity'].append(bool(LABELS[neighbour] == LABELS[clip]))
        pull = tangent(query, torch.stack(kept_vectors).mean(0))
        centre = tangent(query, prototypes.mean(0))
        of['pull_key'].append(cosine(pull, tangent(query, key)))
        of['pull_centre'].append(cosine(pull, centre))
        of['key_centre'].append(cosine(tangent(query, key), centre))
        of_class = [views.others[i] for i in others if LABELS[i] == LABELS[clip]]
        if of_class:
            towards = tangent(query, torch.stack(of_class).mean(0))
            of['pull_class'].append(cosine(pull, towards))
            of['key_class'].append(cosine(tangent(query, key), towards))
    for name, values in of.items():
        # An angle of nearly zero is not the arc cosine's.
        tolerance = 1e-5 if name == 'angle' else 1e-9
        assert getattr(facts, name) == pytest.approx(sum(values) / len(values), abs=tolerance), name
    assert facts.kept == positives.kept.double().mean().item() < 1
    clusters = [max(range(5), key=lambda i: prototypes[i] @ views.anchors[c]) for c in chosen]
    classes = [[int(LABELS[c]) for c, k in zip(chosen, clusters) if k == n] for n in range(5)]
    pure = sum(max(map(one.count, one)) for one in classes if one)
    assert facts.cluster_purity == pytest.approx(pure / 20)


def test_positives_that_do_not_move_are_keys():
    facts = measure_positives(head_of(hardness=0.0), embeddings(), LABELS)
    assert facts.kept == 1
    assert facts.angle == pytest.approx(0, abs=1e-6)
    assert facts.pull_key == pytest.approx(1)
    assert facts.pull_class == pytest.approx(facts.key_class)
    assert facts.pull_centre == pytest.approx(facts.key_centre)


def test_harder_positives_are_further_away_and_less_pure():
    gentle, hard = (
        measure_positives(head_of(hardness=hardness), embeddings(), LABELS)
        for hardness in (0.2, 1.0)
    )
    assert 0 < gentle.angle < hard.angle
    assert gentle.other_class < hard.other_class
    assert gentle.pull_key > hard.pull_key
    assert gentle.view_angle == hard.view_angle


@pytest.mark.parametrize(
    ('settings', 'words'),
    [({'direction': 'query'}, "direction='query'"), ({'num_newest': 32}, 'has 31 keys')],
)
def test_what_cannot_be_measured(settings, words):
    head = HaLPHead(**({'num_prototypes': 5, 'num_newest': 24} | settings))
    with pytest.raises(ValueError, match=words):
        measure_positives(head, embeddings(), LABELS)


def test_embedded_views(random_clips):
    dataset = SkeletonDataset(str(random_clips), 'train')
    torch.manual_seed(1)  # one with which no two clips have the same key
    model = tiny_model().eval()
    with torch.no_grad():  # so that it shows which network embeds
        for weights in model.key_networks.parameters():
            weights.add_(0.1)
    head = HaLPHead(num_newest=11, num_prototypes=2)
    views = embed_views(model, dataset, 'joint', head, queue_size=11, seed=3)
    assert [len(one) for one in views] == [8, 8, 8, 11]
    batch = pad_clips([dataset[i] for i in range(8)])

    def keys_of(draw: int) -> torch.Tensor:
        moment = {'progress': TrainingProgress(epoch=draw, seed=3)}
        made = model.data_preprocessor({**batch, **moment}, training=True)['views']
        if draw == 0:
            query = model.query_networks['joint'](made['query']['joint'])
            torch.testing.assert_close(views.queries, query)
        return model.key_networks.module['joint'](made['key']['joint'])

    torch.testing.assert_close(views.anchors, keys_of(0))
    torch.testing.assert_close(views.others, keys_of(1))
    # Of the queue's keys, the newest are those of all clips, in another order.
    for rows, draw in ((views.queue[:8], 2), (views.queue[8:], 3)):
        nearest = (rows @ keys_of(draw).T).max(1)
        assert (nearest.values > 1 - 1e-6).all()
        assert len(nearest.indices.unique()) == len(rows)
    again = embed_views(model, dataset, 'joint', head, queue_size=11, seed=3)
    other = embed_views(model, dataset, 'joint', head, queue_size=11, seed=4)
    assert all(torch.equal(one, same) for one, same in zip(views, again))
    assert not any(torch.equal(one, another) for one, another in zip(views, other))
