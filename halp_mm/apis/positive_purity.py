"""What HaLP's positives are, over a grid of settings and the checkpoints of a training."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from mmengine.config import Config

from halp_mm.apis.config import check_data_files
from halp_mm.apis.config_checks import located
from halp_mm.apis.evaluate import build_model
from halp_mm.evaluation.encoder_fit import check_encoders
from halp_mm.evaluation.hallucinated_positives import (
    PositiveFacts,
    embed_views,
    measure_positives,
)
from halp_mm.models import HaLPHead, Pretrainer
from halp_mm.models.pretrainers.head_term import TERM_KEYS
from halp_mm.registry import DATASETS, MODELS


@dataclass(frozen=True)
class PositivePurity:
    """What the positives of one checkpoint and setting are.

    Args:
        checkpoint: The checkpoint; ``'untrained'`` without one.
        hardness: lambda.
        num_newest: K, the number of keys that are clustered.
        num_prototypes: N.
        facts: What was measured.
    """

    checkpoint: str
    hardness: float
    num_newest: int
    num_prototypes: int
    facts: PositiveFacts


def positive_purity(
    config: Config,
    checkpoints: Sequence[str | os.PathLike | None],
    hardness: Sequence[float] | None = None,
    num_newest: Sequence[int] | None = None,
    num_prototypes: Sequence[int] | None = None,
    num_anchors: int = 512,
    head: Mapping | None = None,
) -> Iterator[PositivePurity]:
    """Measure the positives that a HaLPHead would make of training clips; nothing is trained.

    All combinations of the settings are measured, except those with more prototypes than keys.
    Other settings are those of the config's HaLPHead, and of a config without one the paper's.

    Args:
        config: The config that the networks were trained with, with HaLP or another method that
            has keys, such as MoCo.
        checkpoints: Its checkpoints; None stands for the untrained networks.
        hardness: Values of lambda; by default the head's.
        num_newest: Values of K; by default the head's. More keys than the training set has clips
            are several views of each.
        num_prototypes: Values of N; by default the head's.
        num_anchors: Number of clips whose positives are measured, drawn at random.
        head: Other settings of the head, such as ``{'hardest_only': True}``.

    Yields:
        A measurement for each checkpoint and setting, as soon as it is there.

    Raises:
        FileNotFoundError: if a data file or a checkpoint is missing.
        ValueError: if the model has no keys, a checkpoint does not fit, no clip has a label, or a
            setting is out of range.
    """
    check_data_files(config)
    settings = head_settings(config) | dict(head or {})
    default = MODELS.build(settings)
    grid = [
        {'hardness': value, 'num_newest': newest, 'num_prototypes': prototypes}
        for value, newest, prototypes in product(
            hardness or [default.hardness],
            num_newest or [default.num_newest],
            num_prototypes or [default.num_prototypes],
        )
        if prototypes <= newest
    ]
    if not grid:
        raise ValueError(
            f'num_prototypes={list(num_prototypes or [default.num_prototypes])} are all more than '
            f'num_newest={list(num_newest or [default.num_newest])}; expected fewer clusters than '
            'keys'
        )
    heads = [MODELS.build({**settings, **values}) for values in grid]
    with located(config):
        dataset = DATASETS.build(config.train_dataloader.dataset).labelled()
    seed = config.randomness.seed
    for checkpoint in checkpoints:
        model = build_model(config, checkpoint)
        check_has_keys(model, default)
        check_encoders(model, dataset)
        stream = next(iter(model.sources))
        queue_size = max(one.num_newest for one in heads)
        views = embed_views(model, dataset, stream, default, queue_size, seed)
        for values, one in zip(grid, heads):
            facts = measure_positives(one, views, dataset.labels, num_anchors, seed)
            name = 'untrained' if checkpoint is None else os.fspath(checkpoint)
            yield PositivePurity(name, facts=facts, **values)


def head_settings(config: Config) -> dict:
    """The config of the HaLPHead, without its term's keys; of a config without one the paper's."""
    heads: Mapping[str, dict | None] = config.model.get('heads') or {}
    for one in heads.values():
        if one and one['type'] == 'HaLPHead':
            return {key: value for key, value in one.items() if key not in TERM_KEYS}
    return {'type': 'HaLPHead'}


def check_has_keys(model: object, head: HaLPHead) -> None:
    """Raise a ValueError if a model does not make the views and keys that a HaLPHead reads."""
    if not isinstance(model, Pretrainer) or model.key_networks is None:
        raise ValueError(
            'the config has no key networks; expected one of MoCo, HaLP or another method that '
            'contrasts queries with keys'
        )
    missing = {head.view, head.key_view} - set(model.data_preprocessor.views)
    if missing:
        raise ValueError(
            f'data_preprocessor.views has no {min(missing)!r}, only '
            f'{list(model.data_preprocessor.views)}; positives are made of a query and a key view'
        )
