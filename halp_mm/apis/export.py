"""A checkpoint as a file that runs without this library."""

from __future__ import annotations

import os
from typing import NamedTuple

from halp_mm.engine import resolve_checkpoint
from halp_mm.engine.saved_model import load_model
from halp_mm.export import ClipNetwork, Difference, export_file


class ExportedModel(NamedTuple):
    """What was exported."""

    inputs: dict[str, list[str | int]]  #: Names and shapes of the inputs; text for any size
    outputs: list[str]  #: Names of the outputs
    difference: Difference  #: How far the file's outputs are from the checkpoint's
    num_bytes: int  #: The size of the file


def export_checkpoint(
    checkpoint: str | os.PathLike, format: str, out: str | os.PathLike
) -> ExportedModel:
    """Export a model from raw clips to features and, with classifiers, class probabilities.

    Normalisation and the evaluation view are included. The file takes any number of clips of any
    lengths, padded to one array. It is compared with the checkpoint before it gets its name.

    Args:
        checkpoint: A model that ``tools/test.py --save`` wrote, or a checkpoint of a training, or
            a work directory, which stands for its newest checkpoint.
        format: ``'onnx'``; ``'torch'``, a program of ``torch.export``; or ``'safetensors'``, the
            weights with a description in JSON.
        out: The file: ``.onnx``, ``.pt2`` or ``.safetensors``.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ImportError: if a package that the format needs is missing.
        ValueError: if the checkpoint is damaged or cannot be exported, or the file's outputs
            differ from the checkpoint's.
        OSError: if the file cannot be written.
    """
    saved = load_model(resolve_checkpoint(checkpoint))
    difference = export_file(saved, format, out)
    known = saved.description.clips
    joints = known.layout.num_joints
    return ExportedModel(
        {
            'clips': ['clips', known.num_people, 'frames', joints, known.num_channels],
            'num_frames': ['clips'],
        },
        ClipNetwork(saved.model, known.layout).output_names,
        difference,
        os.path.getsize(out),
    )
