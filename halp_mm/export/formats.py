"""The formats of exported models."""

from __future__ import annotations

import json
import os

from halp_mm.atomic_write import atomic_write
from halp_mm.engine.saved_model import SavedModel, load_model, save_model
from halp_mm.export.clip_network import ClipNetwork
from halp_mm.export.comparison import Difference, largest_difference
from halp_mm.export.onnx_file import read_onnx, require_onnx, write_onnx
from halp_mm.export.program import read_program, trace_program, write_program

#: The formats by name, with the usual ends of their files' names.
FORMATS = {'onnx': '.onnx', 'torch': '.pt2', 'safetensors': '.safetensors'}
#: The key of the model's description in exported files.
DESCRIPTION = 'halp_mm'


def export_file(saved: SavedModel, format: str, out: str | os.PathLike) -> Difference:
    """Export a model and compare the file with it before the file gets its name.

    Args:
        saved: The model and its description.
        format: ``'onnx'``, ``'torch'`` or ``'safetensors'``.
        out: The file.

    Returns:
        The largest difference between the file's outputs and the model's.

    Raises:
        ImportError: if a package is missing.
        ValueError: if the model cannot be exported, or the file's outputs differ from the model's.
        OSError: if the file cannot be written.
    """
    if not os.fspath(out).endswith(FORMATS[format]):
        raise ValueError(f'{out}: a file of format {format} must end in {FORMATS[format]}')
    if format == 'onnx':
        require_onnx()
    model, description = saved
    network = ClipNetwork(model, description.clips.layout).eval()
    metadata = {DESCRIPTION: json.dumps(description.to_dict())}
    with atomic_write(out) as partial:
        if format == 'safetensors':
            save_model(partial, model, description)
            copied = load_model(partial)
            exported = ClipNetwork(copied.model, copied.description.clips.layout).eval()
        else:
            program = trace_program(network, description.clips)
            if format == 'torch':
                write_program(program, partial, metadata)
                exported = read_program(partial)
            else:
                write_onnx(program, partial, network.output_names, metadata)
                exported = read_onnx(partial)
        difference = largest_difference(network, exported, description.clips)
        difference.check()
    return difference
