"""Renaming the entries of a released state dict."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor


def rename_entries(
    state: Mapping[str, Tensor], names: Mapping[str, str | Callable[[re.Match], str]], expected: str
) -> dict[str, Tensor]:
    """Rename the entries of a released state dict.

    Args:
        state: Weights by the release's names.
        names: Patterns of the beginnings of the release's names, and what replaces them,
            as :func:`re.sub` takes it.
        expected: What the names should be, for the message.

    Returns:
        Weights by the names used here.

    Raises:
        ValueError: if no pattern fits a name.
    """
    renamed, unknown = {}, []
    for name, value in state.items():
        for released, ours in names.items():
            if re.match(released, name):
                renamed[re.sub(f'^{released}', ours, name)] = value
                break
        else:
            unknown.append(name)
    if unknown:
        raise ValueError(f'these entries are not known: {unknown}; expected {expected}')
    return renamed
