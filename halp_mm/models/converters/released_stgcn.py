"""Conversion of the released weights of SkeletonCLR, CrosSCLR and AimCLR to the names used here."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from halp_mm.models.converters.renaming import rename_entries

#: Beginnings of the release's names of an encoder with its projector, and the names used here.
RELEASED_NAMES = {
    r'A$': 'encoder.adjacency',
    r'data_bn\.': 'encoder.input_norm.',
    r'edge_importance\.(\d+)$': r'encoder.blocks.\1.graph_convolution.edge_importance',
    r'st_gcn_networks\.(\d+)\.gcn\.conv\.': r'encoder.blocks.\1.graph_convolution.partitions.',
    r'st_gcn_networks\.(\d+)\.tcn\.0\.': r'encoder.blocks.\1.spatial_norm.',
    r'st_gcn_networks\.(\d+)\.tcn\.2\.': r'encoder.blocks.\1.temporal_convolution.',
    r'st_gcn_networks\.(\d+)\.tcn\.3\.': r'encoder.blocks.\1.temporal_norm.',
    r'st_gcn_networks\.(\d+)\.residual\.([01])\.': r'encoder.blocks.\1.residual.\2.',
    r'fc\.([02])\.': r'projector.layers.\1.',
}


def rename_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of one released network, an encoder with its projector.

    Args:
        state: Weights by the release's names, without ``encoder_q.`` or ``encoder_k.``.

    Returns:
        Weights by the names of :class:`STGCN` and the projector in a pre-trainer: ``encoder.*``,
        with the release's graph as ``encoder.adjacency``, and ``projector.*``.

    Raises:
        ValueError: if a name is not one of the release's.
    """
    return rename_entries(
        state,
        RELEASED_NAMES,
        'the names of a released ST-GCN with a projector of two layers, fc.0 and fc.2',
    )
