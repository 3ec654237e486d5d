"""Export a checkpoint to a file that runs without this library, from raw clips to answers."""

from __future__ import annotations

from typing import Literal

from halp_mm.apis.export import export_checkpoint
from halp_mm.commands.command_line import Command, Option


def run(checkpoint: str, *, format: Literal['onnx', 'torch', 'safetensors'], out: str) -> str:
    """Export, and describe the file.

    Args:
        checkpoint: A saved model, a checkpoint of a training, or a work directory.
        format: ONNX, a program of torch.export, or the weights with a description in JSON.
        out: The file: .onnx, .pt2 or .safetensors.

    Returns:
        What goes in and comes out, and the largest difference to the checkpoint's outputs.
    """
    made = export_checkpoint(checkpoint, format, out)
    lines = [f'input       {name} {shape_text(shape)}' for name, shape in made.inputs.items()]
    lines += [f'output      {name}' for name in made.outputs]
    return '\n'.join(
        [
            *lines,
            f'difference  {made.difference.largest:.1e}, where outputs are up to '
            f'{made.difference.scale:.2g}',
            f'written     {out}, {made.num_bytes / 1e6:.1f} MB',
        ]
    )


def shape_text(shape: list[str | int]) -> str:
    """A shape in brackets."""
    return f'[{", ".join(map(str, shape))}]'


main = Command(
    'export.py',
    __doc__,
    run,
    options={'checkpoint': Option(metavar='CHECKPOINT'), 'out': Option(metavar='FILE')},
    after_interruption='{out} was not written',
).main
