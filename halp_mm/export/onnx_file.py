"""Models as ONNX files, and their use by onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor
from torch.export import ExportedProgram

from halp_mm.export.program import quiet_exporters
from halp_mm.export.recurrent_layers import recurrent_layers_by_shape

_DIMENSIONS = {'clips': (('clips', 0), ('frames', 2)), 'num_frames': (('clips', 0),)}


def require_onnx() -> None:
    """Raise an ImportError that says how to install the ONNX packages, if one is missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'ONNX export needs {error.name}, which is not installed. Install it with: '
            'pip install onnx onnxruntime onnxscript'
        ) from error


def write_onnx(
    program: ExportedProgram,
    path: str | os.PathLike,
    output_names: list[str],
    metadata: dict[str, str],
) -> None:
    """Convert a program to an ONNX file.

    Its inputs are ``clips`` and ``num_frames``.

    Args:
        program: The program.
        path: The file.
        output_names: The names of its outputs.
        metadata: Texts for the file, which onnxruntime shows as ``custom_metadata_map``.

    Raises:
        ValueError: if an operation has no counterpart in ONNX.
    """
    with quiet_exporters(), recurrent_layers_by_shape():
        try:
            made = torch.onnx.export(program, output_names=output_names, dynamo=True, verbose=False)
        except torch.onnx.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise ValueError(f'the model cannot be written as ONNX: {reason}') from error
        _name_dimensions(made.model.graph)
        made.model.metadata_props.update(metadata)
        made.save(path)


def _name_dimensions(graph) -> None:
    """Give the sizes that are not fixed the names of what they count."""
    named = {}
    for value in graph.inputs:
        for name, axis in _DIMENSIONS[value.name]:
            named[str(value.shape[axis])] = name
    for value in (*graph.inputs, *graph.outputs):
        for axis, size in enumerate(value.shape):
            if str(size) in named:
                value.shape[axis] = named[str(size)]


def read_onnx(path: str | os.PathLike) -> Callable[[Tensor, Tensor], list[Tensor]]:
    """Open an ONNX file as a function from clips and lengths to outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(os.fspath(path), providers=['CPUExecutionProvider'])

    def run(clips: Tensor, num_frames: Tensor) -> list[Tensor]:
        inputs = {'clips': clips.numpy(), 'num_frames': num_frames.numpy()}
        return [torch.from_numpy(output) for output in session.run(None, inputs)]

    return run
