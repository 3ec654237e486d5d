"""Conversion of the released weights of AS-CAL to the names used here."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from halp_mm.models.converters.renaming import rename_entries

#: Beginnings of the release's names, and the names used here.
RELEASED_NAMES = {
    r'bi_lstm\.(\w+)_l(\d+)$': r'encoder.cells.\2.\1_l0',
    r'head\.model\.': 'projector.layers.',
}


def rename_released_ascal(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of AS-CAL's released network.

    Args:
        state: Weights by the release's names, of the query or the key network.

    Returns:
        Weights by the names of :class:`LSTM` in a pre-trainer: ``encoder.*``, and
        ``projector.*`` if the network has the release's optional head of two layers.

    Raises:
        ValueError: if a name is not one of the release's.
    """
    return rename_entries(
        state, RELEASED_NAMES, "the names of AS-CAL's released network, bi_lstm.* and head.model.*"
    )
