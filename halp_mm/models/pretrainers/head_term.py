"""A head as a term of the pre-training loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from halp_mm.argument_checks import check_at_least, check_count
from halp_mm.models.heads import PretrainingHead
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress

#: The keys of a head's config that belong to the term, not to the head.
TERM_KEYS = ('weight', 'start_epoch', 'end_epoch', 'streams')


@dataclass(frozen=True)
class HeadTerm:
    """A head's weight, active epochs and streams.

    Args:
        name: The head's name in the config.
        streams: Names of the head's streams.
        weight: Factor of the head's loss.
        start_epoch: First epoch in which the head is active.
        end_epoch: Epoch from which on the head is inactive; None for never.

    Raises:
        ValueError: if the weight is negative or not finite, or the head is never active.
    """

    name: str
    streams: tuple[str, ...]
    weight: float = 1.0
    start_epoch: int = 0
    end_epoch: int | None = None

    def __post_init__(self) -> None:
        key = f'heads.{self.name}'
        check_at_least(0, **{f'{key}.weight': self.weight})
        check_count(0, **{f'{key}.start_epoch': self.start_epoch})
        if self.end_epoch is not None:
            check_count(self.start_epoch + 1, **{f'{key}.end_epoch': self.end_epoch})

    def is_active(self, progress: TrainingProgress) -> bool:
        """Whether the head is active in this epoch."""
        return progress.epoch >= self.start_epoch and not self.has_ended(progress)

    def has_ended(self, progress: TrainingProgress) -> bool:
        """Whether the head's end epoch is reached."""
        return self.end_epoch is not None and progress.epoch >= self.end_epoch


def build_head(
    name: str, config: Mapping, streams: Collection[str]
) -> tuple[HeadTerm, PretrainingHead]:
    """Build a head and its term from a common config.

    Args:
        name: The head's name.
        config: ``type`` and arguments of the head, and optionally any of :data:`TERM_KEYS`.
        streams: Names of the pre-trainer's streams.

    Raises:
        ValueError: if the head has no type, or its streams are unknown, repeated or too few.
    """
    config = dict(config)
    given = {key: config.pop(key) for key in TERM_KEYS if key in config}
    settings = {key: value for key, value in given.items() if value is not None}
    chosen = tuple(settings.pop('streams', streams))
    unknown = [stream for stream in chosen if stream not in streams]
    if unknown:
        raise ValueError(
            f'heads.{name} is for the streams {unknown}; the model has {list(streams)}'
        )
    if 'type' not in config:
        raise ValueError(f'heads.{name} has no type, only {sorted(config)}; is the name right?')
    head = MODELS.build(config)
    if len(set(chosen)) < max(head.min_streams, len(chosen)):
        raise ValueError(
            f'heads.{name} needs {head.min_streams} or more different streams, found '
            f'{list(chosen)}; name them in model.streams, or in heads.{name}.streams'
        )
    return HeadTerm(name, chosen, **settings), head
