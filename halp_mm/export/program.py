"""The program of a model: its tensor operations, of any number of clips and frames."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.export import Dim, ExportedProgram

from halp_mm.datasets.known_clips import KnownClips
from halp_mm.export.clip_network import ClipNetwork
from halp_mm.export.comparison import sample_clips
from halp_mm.export.recurrent_layers import recurrent_layers_by_shape

#: Clips and frames of the batch that is followed; no number of it stays in the program.
_TRACED = (3, 20)


def trace_program(network: ClipNetwork, known: KnownClips) -> ExportedProgram:
    """Follow a network's operations on a batch of clips.

    Args:
        network: The network.
        known: The form of the clips.

    Raises:
        ValueError: if the network has operations that cannot be followed, or works only with one
            number of clips or frames.
    """
    clips, num_frames = sample_clips(known, *_TRACED)
    dynamic = {'clips': {0: Dim.DYNAMIC, 2: Dim.DYNAMIC}, 'num_frames': {0: Dim.DYNAMIC}}
    with torch.no_grad(), quiet_exporters(), recurrent_layers_by_shape():
        # Indices that depend on the layout alone are made once and kept. They have to be made
        # here: while the exporter looks on, they would be its placeholders.
        network(clips, num_frames)
        try:
            return torch.export.export(network, (clips, num_frames), dynamic_shapes=dynamic)
        except torch._dynamo.exc.UserError as error:
            if 'specialized it to be a constant' not in str(error):
                raise ValueError(f'the model cannot be exported: {error}') from error
            raise ValueError(
                'the model cannot be exported for any number of clips and frames: a part of it '
                'takes them for constants. Encoders and transforms must not convert tensors or '
                'sizes to Python numbers, as len(clips) does for a tensor '
                f'({str(error).strip().splitlines()[-1].strip(" -")})'
            ) from error


def write_program(
    program: ExportedProgram, path: str | os.PathLike, metadata: dict[str, str]
) -> None:
    """Write a program with texts beside it, for ``torch.export.load(path, extra_files=...)``."""
    with quiet_exporters():
        torch.export.save(program, path, extra_files=metadata)


def read_program(path: str | os.PathLike) -> torch.nn.Module:
    """Read a program as a module."""
    with quiet_exporters():
        return torch.export.load(path).module()


@contextmanager
def quiet_exporters() -> Iterator[None]:
    """Omit what PyTorch's exporters say about PyTorch's own parts."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)  # torchvision is not installed
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', '.*_flat_weights', UserWarning)  # of nn.GRU
            warnings.filterwarnings('ignore', '.*LeafSpec', FutureWarning)
            warnings.filterwarnings('ignore', category=DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)
