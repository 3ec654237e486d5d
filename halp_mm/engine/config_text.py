"""The text of a config, formatted once."""

from __future__ import annotations

import functools

from mmengine.config import config as mmengine_config

_NUM_KEPT = 4


def format_configs_once() -> None:
    """Make mmengine keep the last formatted texts of configs.

    A Runner asks for the text four times before its first step, and once for each checkpoint;
    formatting takes longer than all else that it does.
    """
    formatted = mmengine_config.FormatCode
    if hasattr(formatted, 'kept'):
        return
    kept: dict[tuple[str, str], tuple[str, bool]] = {}

    @functools.wraps(formatted)
    def format_once(text: str, **settings: object) -> tuple[str, bool]:
        key = (text, repr(settings))
        if key not in kept:
            if len(kept) == _NUM_KEPT:
                kept.clear()
            kept[key] = formatted(text, **settings)
        return kept[key]

    format_once.kept = kept  # type: ignore[attr-defined]
    mmengine_config.FormatCode = format_once
