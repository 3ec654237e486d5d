"""What every encoder promises."""

from __future__ import annotations

import copy

import torch

from halp_mm.models import Encoder
from halp_mm.testing.examples import example_clips, require, require_close

_NUM_CLIPS = 4


def check_encoder(encoder: Encoder, num_frames: int = 32, tolerance: float = 1e-4) -> None:
    """Check what pre-trainers, heads and evaluations rely on in an encoder.

    The encoder says what its map and its feature look like, treats clips apart in evaluation,
    leaves its input alone, lets gradients through, and refuses clips of other joints. The given
    encoder is not changed.

    Args:
        encoder: The encoder, of float32.
        num_frames: Frames of the clips that it is tried on.
        tolerance: Largest difference between a clip alone and in a batch, relative to the largest
            entry of a feature.

    Raises:
        AssertionError: if a promise is broken; says which.

    Example:
        >>> check_encoder(BiGRU(hidden_size=8, num_layers=1))
    """
    name = type(encoder).__name__
    require(isinstance(encoder, Encoder), f'{name} is no halp_mm.models.Encoder')
    kinds = {'feature_dim': int, 'map_dim': int, 'keeps_people': bool, 'keeps_joints': bool}
    for attribute, kind in {**kinds, 'num_channels': int}.items():
        found = getattr(encoder, attribute, None)
        require(type(found) is kind, f'{name}.{attribute} is {found!r}; expected {kind.__name__}')
    encoder = copy.deepcopy(encoder).eval()
    clips = example_clips(
        [num_frames] * _NUM_CLIPS,
        encoder.layout,
        encoder.num_channels,
        encoder.num_people or 2,
    ).coordinates
    before = clips.clone()
    with torch.no_grad():
        feature_map = encoder.forward_map(clips)
        features = encoder.readout(feature_map)
        require(torch.equal(clips, before), f'{name} changes the clips that it is given')
        _check_shapes(encoder, clips.shape, feature_map.shape, features.shape)
        require(bool(features.isfinite().all()), f'{name} has features that are not finite')
        require_close(
            encoder(clips), features, tolerance, f'{name}: forward is not readout of forward_map'
        )
        require_close(
            torch.cat([encoder(clip[None]) for clip in clips]),
            features,
            tolerance,
            f'{name}: in evaluation, a clip has another feature alone than in a batch',
        )
        _check_refusal(encoder, clips)
    _check_gradients(encoder, clips)


def _check_shapes(
    encoder: Encoder, clips: torch.Size, feature_map: torch.Size, features: torch.Size
) -> None:
    """Compare shapes with what the encoder says of them."""
    name = type(encoder).__name__
    require(
        len(feature_map) == 5 and feature_map[0] == clips[0] and feature_map[2] == encoder.map_dim,
        f'the map of {name} is {list(feature_map)}; expected '
        f"[{clips[0]}, M', {encoder.map_dim}, T', V'], as its map_dim is {encoder.map_dim}",
    )
    for flag, axis, length in (('keeps_people', 1, clips[1]), ('keeps_joints', 4, clips[3])):
        require(
            not getattr(encoder, flag) or feature_map[axis] == length,
            f'{name}.{flag} is True, but axis {axis} of its map {list(feature_map)} is not '
            f'{length}',
        )
    require(
        list(features) == [clips[0], encoder.feature_dim],
        f'the features of {name} are {list(features)}; expected [{clips[0]}, '
        f'{encoder.feature_dim}], as its feature_dim is {encoder.feature_dim}',
    )


def _check_refusal(encoder: Encoder, clips: torch.Tensor) -> None:
    """See that clips with one joint more are refused."""
    wider = torch.cat([clips, clips[..., :1, :]], dim=-2)
    try:
        encoder(wider)
    except ValueError:
        return
    except Exception as error:
        found = f'raises {type(error).__name__}'
    else:
        found = 'takes them'
    raise AssertionError(
        f'{type(encoder).__name__} {found} where clips have {wider.shape[-2]} joints instead of '
        f'{clips.shape[-2]}; expected a ValueError that names both numbers'
    )


def _check_gradients(encoder: Encoder, clips: torch.Tensor) -> None:
    """See that a step reaches all parameters and the input."""
    encoder.train()
    clips = clips.clone().requires_grad_()
    features = encoder(clips)
    features.pow(2).sum().backward()
    name = type(encoder).__name__
    require(clips.grad is not None, f'{name} lets no gradient through to the clips')
    for key, parameter in encoder.named_parameters():
        if parameter.requires_grad:
            gradient = parameter.grad
            require(gradient is not None, f'{name}: the parameter {key} has no gradient')
            require(
                gradient is not None and bool(gradient.isfinite().all()),
                f'{name}: the gradient of {key} is not finite',
            )
