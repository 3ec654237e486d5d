"""How far an option moves the losses of a training: the same steps with it and without it.

Each option trains anew in this process, with the same seed and without evaluation.
"""

import argparse
import tempfile
from contextlib import nullcontext
from unittest import mock

from torch import Tensor

from halp_mm.apis import train
from halp_mm.commands.config_options import parse_options
from halp_mm.engine.bfloat16 import has_bfloat16
from halp_mm.engine.runner import SkeletonRunner
from halp_mm.models import BiGRU
from halp_mm.tables import table_text

#: Options of a config by what they are called.
OPTIONS = {
    'the same again': {},
    'data_on_device=False': {'data_on_device': False},
    "data_on_device='half'": {'data_on_device': 'half'},
    'normalised in each epoch': {'default_hooks.normalize_once': None},
}
CELL_BY_CELL, AMP = "a BiGRU's cells one by one", '--amp'


def cell_by_cell(encoder: BiGRU, clips: Tensor, reversed_length: Tensor | None) -> Tensor:
    """What :meth:`BiGRU.run_pairs` does, by PyTorch's own GRU."""
    return encoder.run_cells(encoder.frame_vectors(clips), reversed_length)


def losses_of(config: str, options: dict, amp: bool = False, pairs: bool = True) -> list[float]:
    """The losses of a training, step by step.

    Args:
        config: The config.
        options: New values by dotted key.
        amp: Whether to train in mixed precision.
        pairs: Whether a BiGRU may advance its cells in pairs.
    """
    losses = []
    call_hook = SkeletonRunner.call_hook

    def recorded(runner: SkeletonRunner, name: str, **given) -> None:
        if name == 'after_train_iter':
            losses.append(float(given['outputs']['loss'].detach()))
        call_hook(runner, name, **given)

    cells = nullcontext() if pairs else mock.patch.object(BiGRU, 'run_pairs', cell_by_cell)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(SkeletonRunner, 'call_hook', recorded),
        cells,
    ):
        train(config, folder, options, seed=0, validate=False, amp=amp)
    return losses


def main() -> None:
    """Train with each option, and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('config')
    parser.add_argument('--epochs', type=int, default=4)
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')
    args = parser.parse_args()
    common = {'train_cfg.max_epochs': args.epochs, 'log_level': 'WARNING'}
    common |= parse_options(args.cfg_options)
    plain = losses_of(args.config, common)
    runs = {name: losses_of(args.config, common | options) for name, options in OPTIONS.items()}
    runs[CELL_BY_CELL] = losses_of(args.config, common, pairs=False)
    if has_bfloat16():
        runs[AMP] = losses_of(args.config, common, amp=True)
    rows = []
    for name, losses in runs.items():
        moved = [abs(loss - before) / abs(before) for loss, before in zip(losses, plain)]
        rows.append([name, f'{max(moved):.1e}', f'{moved[-1]:.1e}'])
    print(f'{args.config}: {len(plain)} steps, the last loss {plain[-1]:.4f}')
    print(table_text(rows, ['losses move by', 'at most', 'in the end']))


if __name__ == '__main__':
    main()
