"""Conversion of the released weights of SkeletonBT and PSTL to the names used here."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from halp_mm.models.converters import released_stgcn
from halp_mm.models.converters.renaming import rename_entries

#: Beginnings of the release's names, and the names used here. The encoder is that of AimCLR.
RELEASED_NAMES = {
    **{
        released: ours
        for released, ours in released_stgcn.RELEASED_NAMES.items()
        if ours.startswith('encoder.')
    },
    r'projector\.': 'projector.layers.',
}

#: The loss's batch norm without weights, whose running statistics nothing reads.
OMITTED = 'bn.'


def rename_released_skeletonbt(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a released SkeletonBT or PSTL network.

    Args:
        state: Weights by the release's names: an encoder, a projector, or both.

    Returns:
        Weights by the names of :class:`STGCN` and the projector in a pre-trainer: ``encoder.*``,
        with the release's graph as ``encoder.adjacency``, and ``projector.*``.

    Raises:
        ValueError: if a name is not one of the release's.
    """
    return rename_entries(
        {name: value for name, value in state.items() if not name.startswith(OMITTED)},
        RELEASED_NAMES,
        'the names of a released ST-GCN and of a projector, projector.0 to projector.6',
    )
