"""Conversion of the released weights of ISC's HCN to the names used here."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from halp_mm.models.converters.renaming import rename_entries

#: Beginnings of the release's names, and the names used here.
RELEASED_NAMES = {
    r'conv1\.0\.': 'encoder.position.points.0.',
    r'conv2\.': 'encoder.position.points.2.',
    r'conv3\.0\.': 'encoder.position.joints.0.',
    r'conv4\.0\.': 'encoder.position.joints.2.',
    r'conv1m\.0\.': 'encoder.motion.points.0.',
    r'conv2m\.': 'encoder.motion.points.2.',
    r'conv3m\.0\.': 'encoder.motion.joints.0.',
    r'conv4m\.0\.': 'encoder.motion.joints.2.',
    r'conv5\.0\.': 'encoder.layers.0.',
    r'conv6\.0\.': 'encoder.layers.4.',
    r'fc\.': 'classifier.',
}


def rename_released_hcn(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a released HCN with its linear layer.

    Args:
        state: Weights by the release's names.

    Returns:
        Weights by the names of :class:`HCN` in a classifier: ``encoder.*`` and ``classifier.*``.
        In ISC, the linear layer is the projector.

    Raises:
        ValueError: if a name is not one of the release's.
    """
    return rename_entries(
        state, RELEASED_NAMES, "the names of ISC's released HCN with one linear layer, fc"
    )
