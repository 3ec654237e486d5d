"""The parts of features."""

from __future__ import annotations

from halp_mm.models.encoders.base import Encoder


def entries_of(encoder: Encoder, part: str | None) -> slice:
    """Where a part stands in an encoder's feature.

    Raises:
        ValueError: if there is no such part.
    """
    if part is None:
        return slice(0, encoder.feature_dim)
    parts = dict(encoder.feature_parts)
    if part not in parts:
        found = f'the parts {list(parts)}' if parts else 'no parts'
        raise ValueError(
            f'part={part!r}; the features of {type(encoder).__name__} have {found}. Name one, or '
            'None for the whole feature'
        )
    start = sum(list(parts.values())[: list(parts).index(part)])
    return slice(start, start + parts[part])
