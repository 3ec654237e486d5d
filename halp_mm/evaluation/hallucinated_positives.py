"""Whether HaLP's positives are positives, asked of the labels that training never sees.

A hallucinated positive is of use if it is further from its anchor than another view of the same
clip, which augmentation gives anyway, and still among clips of the anchor's class. Both are
properties of the embeddings at one moment of training, so settings are compared without training.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from mmengine.model import ModuleDict
from torch import Tensor
from torch.utils.data import DataLoader

from halp_mm.argument_checks import check_count
from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.models import HaLPHead, Pretrainer
from halp_mm.models.heads.halp_head import Positives
from halp_mm.models.modules import spherical_kmeans
from halp_mm.training_progress import TrainingProgress

_BATCH = 256  # clips that are embedded at a time
_ANCHORS = 32  # whose positives are compared with all clips at a time


class ViewEmbeddings(NamedTuple):
    """Embeddings of training views, unit vectors, in the order of the data set."""

    queries: Tensor  #: ``[N, D]``, of the query network
    anchors: Tensor  #: ``[N, D]``, the keys that belong to the queries
    others: Tensor  #: ``[N, D]``, the keys of another draw of the views
    queue: Tensor  #: ``[L, D]``, the keys of further draws, newest first, clips in random order


@dataclass(frozen=True)
class PositiveFacts:
    """What the positives of a setting are. Shares are from 0 to 1, angles in degrees.

    Args:
        kept: Share of the positives that pass the rank filter. The others are of those kept.
        own: Share that is nearest to another view of its own anchor's clip.
        same_class: Share that is nearest to another clip of the anchor's class.
        other_class: Share that is nearest to a clip of another class.
        angle: Mean angle between a positive and its anchor.
        view_angle: Mean angle between the keys of two views of a clip.
        neighbour_angle: Mean angle between an anchor and the nearest key of another clip.
        neighbour_purity: Share of these nearest clips that are of the anchor's class.
        cluster_purity: Share of the anchors that have the most frequent class of their prototype.
        pull_key: Mean cosine between where the HaLP loss moves a query and where its key lies:
            1 if HaLP only repeats the pull that MoCo has.
        pull_class: The same for where the other clips of its class lie, their mean.
        key_class: Mean cosine between where the key and where the class lies.
        pull_centre: Mean cosine between where HaLP moves a query and where the mean of all
            prototypes lies: what draws all embeddings together.
        key_centre: Mean cosine between where the key and where the mean of prototypes lies.
    """

    kept: float
    own: float
    same_class: float
    other_class: float
    angle: float
    view_angle: float
    neighbour_angle: float
    neighbour_purity: float
    cluster_purity: float
    pull_key: float
    pull_class: float
    key_class: float
    pull_centre: float
    key_centre: float


@torch.no_grad()
def embed_views(
    model: Pretrainer,
    dataset: SkeletonDataset,
    stream: str,
    head: HaLPHead,
    queue_size: int,
    seed: int = 0,
) -> ViewEmbeddings:
    """Embed training views of all clips, as often as a queue of this size needs.

    Unlike in training, all keys of the queue are of the same network.

    Args:
        model: A pre-trainer in evaluation mode with key networks.
        dataset: The clips.
        stream: The stream that is embedded.
        head: The head, which names the views.
        queue_size: Number L of keys in the queue.
        seed: Seed of all draws.
    """
    assert model.key_networks is not None
    query_network = model.query_networks[stream]
    key_network = cast('ModuleDict', model.key_networks.module)[stream]
    source = model.sources[stream]
    queries, keys = [], []
    for draw in range(2 + ceil(queue_size / len(dataset))):
        of_draw = []
        for i, batch in enumerate(DataLoader(dataset, _BATCH, collate_fn=pad_clips)):
            progress = TrainingProgress(epoch=draw, iteration=i, seed=seed)
            views = model.data_preprocessor({**batch, 'progress': progress}, training=True)['views']
            of_draw.append(key_network(views[head.key_view][source]))
            if draw == 0:
                queries.append(query_network(views[head.view][source]))
        keys.append(torch.cat(of_draw))
    device = keys[0].device
    generator = torch.Generator(device).manual_seed(seed)
    shuffled = [
        key[torch.randperm(len(key), generator=generator, device=device)] for key in keys[2:]
    ]
    return ViewEmbeddings(torch.cat(queries), keys[0], keys[1], torch.cat(shuffled)[:queue_size])


def measure_positives(
    head: HaLPHead,
    views: ViewEmbeddings,
    labels: Tensor,
    num_anchors: int = 512,
    seed: int = 0,
) -> PositiveFacts:
    """Cluster and hallucinate as a head does, and say what its positives are.

    Args:
        head: The head with its settings.
        views: Embeddings of N clips; the queue has the head's ``num_newest`` keys or more.
        labels: The clips' classes ``[N]``, none negative.
        num_anchors: Number of anchors whose positives are measured, drawn at random; all of fewer
            clips.
        seed: Seed of all draws. Settings with the same seed are measured on the same anchors.

    Raises:
        ValueError: if the head moves towards queries instead of prototypes, the queue is too short,
            or no anchors are asked for.
    """
    check_count(num_anchors=num_anchors)
    if head.direction != 'prototype':
        raise ValueError(
            f"the head has direction={head.direction!r}; expected 'prototype': other positives "
            'have no prototype to move towards'
        )
    if len(views.queue) < head.num_newest:
        raise ValueError(
            f'the queue has {len(views.queue)} keys; the head clusters num_newest={head.num_newest}'
        )
    device = views.queue.device
    generator = torch.Generator(device).manual_seed(seed)
    labels = labels.to(device)
    chosen = torch.randperm(len(labels), generator=generator, device=device)[:num_anchors]
    prototypes = spherical_kmeans(views.queue[: head.num_newest], head.num_prototypes, generator)
    query = views.queries[chosen].detach().requires_grad_()
    key = views.anchors[chosen]
    loss, positives = head.halp_loss(query, key, prototypes, generator)
    (gradient,) = torch.autograd.grad(loss, query)
    query = query.detach()
    pull = across(query, -gradient)

    anchor = key if head.anchor == 'key' else query
    angle = step_angle(positives, anchor, prototypes)
    nearest = nearest_keys(positives, anchor, prototypes, views.others)
    is_own = nearest == chosen[:, None]
    is_same = (labels[nearest] == labels[chosen][:, None]) & ~is_own

    def of_kept(values: Tensor) -> float:
        return mean(values[positives.kept])

    to_others = key @ views.others.T
    own = to_others.gather(1, chosen[:, None])
    neighbour = to_others.scatter(1, chosen[:, None], -2.0).max(1)
    towards_key, towards_centre = across(query, key), across(query, prototypes.mean(0))
    towards_class = across(query, class_directions(views.others, labels)[chosen])
    return PositiveFacts(
        kept=mean(positives.kept),
        own=of_kept(is_own),
        same_class=of_kept(is_same),
        other_class=of_kept(~is_own & ~is_same),
        angle=of_kept(angle.rad2deg()),
        view_angle=mean_angle(own),
        neighbour_angle=mean_angle(neighbour.values),
        neighbour_purity=mean(labels[neighbour.indices] == labels[chosen]),
        cluster_purity=cluster_purity(views.anchors[chosen], labels[chosen], prototypes),
        pull_key=mean_cosine(pull, towards_key),
        pull_class=mean_cosine(pull, towards_class),
        key_class=mean_cosine(towards_key, towards_class),
        pull_centre=mean_cosine(pull, towards_centre),
        key_centre=mean_cosine(towards_key, towards_centre),
    )


def nearest_keys(positives: Positives, anchor: Tensor, prototypes: Tensor, keys: Tensor) -> Tensor:
    """The key that each positive is most similar to: indices ``[B, G]`` into keys ``[N, D]``."""
    of_prototypes = prototypes @ keys.T
    nearest = []
    for rows in torch.arange(len(anchor), device=anchor.device).split(_ANCHORS):
        similarity = positives.alpha[rows][..., None] * (anchor[rows] @ keys.T)[:, None]
        similarity += positives.beta[rows][..., None] * of_prototypes[positives.target[rows]]
        nearest.append(similarity.argmax(-1))
    return torch.cat(nearest)


def step_angle(positives: Positives, anchor: Tensor, prototypes: Tensor) -> Tensor:
    """The angle between each positive and its anchor: ``[B, G]``, in radians."""
    cosine = (anchor @ prototypes.T).gather(1, positives.target)
    sine = (1 - cosine.square()).clamp(min=0).sqrt()
    return torch.atan2(positives.beta * sine, positives.alpha + positives.beta * cosine)


def cluster_purity(embeddings: Tensor, labels: Tensor, prototypes: Tensor) -> float:
    """Share of clips that have the most frequent class of their cluster."""
    clusters = (embeddings @ prototypes.T).argmax(1)
    counts = embeddings.new_zeros(len(prototypes), int(labels.max()) + 1)
    counts.index_put_((clusters, labels), counts.new_ones(()), accumulate=True)
    return counts.amax(1).sum().item() / len(labels)


def class_directions(keys: Tensor, labels: Tensor) -> Tensor:
    """The sum of the other keys of each key's class ``[N, D]``; zero if it is the only one."""
    sums = keys.new_zeros(int(labels.max()) + 1, keys.shape[1]).index_add_(0, labels, keys)
    is_alone = labels.bincount()[labels] == 1
    return (sums[labels] - keys).masked_fill(is_alone[:, None], 0)


def across(start: Tensor, towards: Tensor) -> Tensor:
    """The part of ``towards`` that is orthogonal to the unit vectors ``start``: ``[B, D]``."""
    return towards - (start * towards).sum(1, keepdim=True) * start


def mean_cosine(first: Tensor, second: Tensor) -> float:
    """The mean cosine between the rows of two tensors, without those that are zero in either."""
    has_both = (first.norm(dim=1) > 0) & (second.norm(dim=1) > 0)
    return mean(F.cosine_similarity(first[has_both], second[has_both], dim=1))


def mean_angle(cosine: Tensor) -> float:
    """The mean of the angles with these cosines, in degrees."""
    return mean(torch.acos(cosine.clamp(-1, 1)).rad2deg())


def mean(values: Tensor) -> float:
    """The mean, in double precision."""
    return values.double().mean().item()
