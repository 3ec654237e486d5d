"""Pooling of pieces of time, so that a feature tells what comes first."""

from __future__ import annotations

import torch
from torch import Tensor

#: Added to variances, as by batch norm: the root of zero has no gradient.
_EPSILON = 1e-5


def segment_means(sequence: Tensor, num_segments: int) -> Tensor:
    """Concatenate the mean of each of S pieces of time: ``[N, D, T]`` to ``[N, S D]``."""
    # Unlike a mean's, a sum's gradient takes no memory.
    pieces = segments_of(sequence, num_segments)
    return torch.cat([piece.sum(-1) / piece.shape[-1] for piece in pieces], 1)


def segment_maxima(sequence: Tensor, num_segments: int) -> Tensor:
    """Concatenate the maximum of each of S pieces of time: ``[N, D, T]`` to ``[N, S D]``."""
    return torch.cat([piece.amax(-1) for piece in segments_of(sequence, num_segments)], 1)


def segment_deviations(sequence: Tensor, num_segments: int) -> Tensor:
    """Concatenate standard deviations over time: ``[N, D, T]`` to ``[N, D]`` or ``[N, (1 + S) D]``.

    That of the whole clip comes first, then that of each of S pieces of time if there are several.
    """
    pieces = [sequence, *(segments_of(sequence, num_segments) if num_segments > 1 else [])]
    centred = (piece - piece.mean(-1, keepdim=True) for piece in pieces)
    variances = [piece.square().mean(-1) for piece in centred]
    return (torch.cat(variances, 1) + _EPSILON).sqrt()


def segments_of(sequence: Tensor, num_segments: int) -> list[Tensor]:
    """Cut ``[N, D, T]`` into pieces of time, which share frames where S does not divide T.

    They are those of adaptive pooling; unlike it, they can be exported for any number of frames.
    """
    frames = sequence.shape[-1]
    if sequence.requires_grad and frames % num_segments == 0:
        # A slice's gradient is as large as the whole sequence.
        return list(sequence.unflatten(-1, (num_segments, -1)).unbind(-2))
    starts = [i * frames // num_segments for i in range(num_segments)]
    # No negative numbers: their integer division is another in ONNX.
    ends = [((i + 1) * frames + num_segments - 1) // num_segments for i in range(num_segments)]
    return [sequence[..., start:end] for start, end in zip(starts, ends)]
