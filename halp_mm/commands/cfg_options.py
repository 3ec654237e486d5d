"""``--cfg-options KEY=VALUE ...``: new values for a config, from a command line."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.config import DictAction


def parse_cfg_options(words: Sequence[str]) -> dict[str, object]:
    """Read overrides as OpenMMLab's tools do.

    Args:
        words: Such as ``'train_cfg.max_epochs=10'`` or ``'model.encoder.stages=[1, 1]'``.

    Returns:
        The values by dotted key.

    Raises:
        ValueError: if a word has no key or no ``=``, or its brackets do not match.
    """
    options = {}
    for word in words:
        key, equals, value = word.partition('=')
        if not key or not equals:
            raise ValueError(f'found {word!r}; expected KEY=VALUE, as in train_cfg.max_epochs=10')
        try:
            options[key] = DictAction._parse_iterable(value)
        except AssertionError as error:
            raise ValueError(f'found {word!r}, whose brackets do not match') from error
    return options
