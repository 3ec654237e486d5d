"""Conversion of the released weights of the BiGRU of ISC, CMD and HaLP to the names used here."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from halp_mm.models.converters.renaming import rename_entries

#: Beginnings of the releases' names, and the names used here.
RELEASED_NAMES = {
    r'input_norm\.': 'encoder.input_norm.',
    r'encoder\.gru\.(\w+)_l(\d+)_reverse$': r'encoder.backward_cells.\2.\1_l0',
    r'encoder\.gru\.(\w+)_l(\d+)$': r'encoder.forward_cells.\2.\1_l0',
    r'fc\.': 'classifier.',
}


def rename_released_bigru(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a released BiGRU with what follows it.

    The network of ISC does not normalise its input: ``input_norm=None`` of :class:`BiGRU`.

    Args:
        state: Weights by the releases' names.

    Returns:
        Weights by the names of :class:`BiGRU` in a classifier: ``encoder.*`` and ``classifier.*``.
        In pre-training, the latter is the projector.

    Raises:
        ValueError: if a name is not one of the releases'.
    """
    return rename_entries(
        state, RELEASED_NAMES, 'the names of a released BiGRU, encoder.gru.*, input_norm.* and fc.*'
    )
