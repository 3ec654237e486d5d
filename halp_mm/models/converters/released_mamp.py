"""Conversion of the released weights of MAMP and its MAE baseline to the names used here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

#: Beginnings of the release's names, and the names used here.
RELEASED_NAMES = {
    r'joints_embed\.proj\.': 'encoder.token_embedding.',
    r'pos_embed$': 'encoder.joint_embedding',
    r'temp_embed$': 'encoder.time_embedding',
    r'blocks\.(\d+)\.': r'encoder.blocks.\1.',
    r'norm\.': 'encoder.blocks.LAST.',
    r'decoder_embed\.': 'decoder.token_embedding.',
    r'mask_token$': 'decoder.mask_token',
    r'decoder_pos_embed$': 'decoder.joint_embedding',
    r'decoder_temp_embed$': 'decoder.time_embedding',
    r'decoder_blocks\.(\d+)\.': r'decoder.blocks.\1.',
    r'decoder_norm\.': 'decoder.blocks.LAST.',
    r'decoder_pred\.': 'decoder.output.',
}
#: The release's names of a block's parts, and the names used here.
BLOCK_NAMES = {
    'norm1.': 'attention_norm.',
    'attn.qkv.': 'attention.query_key_value.',
    'attn.proj.': 'attention.output.',
    'norm2.': 'mlp_norm.',
    'mlp.fc1.': 'mlp.0.',
    'mlp.fc2.': 'mlp.2.',
}


def rename_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and reshape the weights of a released encoder, with its decoder if there is one.

    Args:
        state: Weights by the release's names; those of a classifier, ``head.*``, are ignored.

    Returns:
        Weights by the names of :class:`SpatioTemporalTransformer`, ``encoder.*``, and
        :class:`TransformerDecoder`, ``decoder.*``.

    Raises:
        ValueError: if a name is not one of the release's.
    """
    renamed, unknown = {}, []
    for name, value in state.items():
        if name.startswith('head.'):
            continue
        for released, ours in RELEASED_NAMES.items():
            if re.match(released, name):
                new_name = re.sub(f'^{released}', ours, name)
                renamed[_rename_in_block(new_name, state)] = _reshape(name, value)
                break
        else:
            unknown.append(name)
    if unknown:
        raise ValueError(
            f'these entries are not known: {unknown}; expected the names of a released MAMP model'
        )
    return renamed


def _rename_in_block(name: str, state: Mapping[str, Tensor]) -> str:
    part = name.split('.')[0]
    released = 'blocks.' if part == 'encoder' else 'decoder_blocks.'
    depth = len({key.split('.')[1] for key in state if key.startswith(released)})
    name = name.replace('LAST', str(depth))
    for old, new in BLOCK_NAMES.items():
        name = re.sub(rf'(blocks\.\d+\.){re.escape(old)}', rf'\g<1>{new}', name)
    return name


def _reshape(name: str, value: Tensor) -> Tensor:
    if name == 'joints_embed.proj.weight':  # a convolution over the frames of a cell
        return value.transpose(1, 2).flatten(1)
    if name.endswith(('embed', 'mask_token')):
        return value.reshape(-1, value.shape[-1]).squeeze(0)
    return value
