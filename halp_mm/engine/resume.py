"""The checkpoint from which a run continues."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from halp_mm.atomic_write import atomic_write
from halp_mm.engine.checkpoint_file import read_checkpoint_file
from halp_mm.engine.finite import find_not_finite
from halp_mm.engine.shipped_encoders import checkpoint_path

#: The checkpoint of a run that was stopped within an epoch.
STOPPED = 'stopped.pth'
#: The file with the name of the last checkpoint, relative to its own folder.
LAST = 'last_checkpoint'

_OF_A_RUN = re.compile(r'(epoch|iter)_\d+\.pth|stopped\.pth')


def newest_checkpoint(
    work_dir: str | os.PathLike, say: Callable[[str], None] = print
) -> Path | None:
    """The newest checkpoint of a work directory that can be resumed from.

    The newest is the one with the most iterations, as its metadata says, whatever its name and
    date.

    Args:
        work_dir: The work directory.
        say: Called with a line for each skipped checkpoint and the reason.

    Returns:
        The checkpoint; None if there are none.

    Raises:
        ValueError: if there are checkpoints, but none can be resumed from.
    """
    found, problems = {}, {}
    for path in sorted(Path(work_dir).glob('*.pth')):
        if path.is_file() and not path.name.startswith('best_'):
            found[path], problems[path] = _look_at(path, only_meta=True)
    order = {path: progress for path, progress in found.items() if progress is not None}
    for path in sorted(order, key=order.get, reverse=True):
        _, problems[path] = _look_at(path)
        if problems[path] is None:
            for problem in filter(None, problems.values()):
                say(f'passed over: {problem}')
            return path
    runs = [path for path in problems if _OF_A_RUN.fullmatch(path.name)]
    if runs:
        raise ValueError(
            f'{os.fspath(work_dir)} holds {len(runs)} checkpoints, and none can be resumed from: '
            f'{"; ".join(problems[path] for path in runs)}. To start anew take another work '
            'directory, or move them away'
        )
    return None


def check_resumable(
    checkpoint: dict, path: str | os.PathLike, parameters: Sequence[str] = ()
) -> None:
    """Check that a checkpoint has all that a resumed run needs, and that all of it is finite.

    Args:
        checkpoint: The checkpoint.
        path: Its file.
        parameters: The names of the optimiser's parameters, for the message.

    Raises:
        ValueError: if something is missing or not finite; names it.
    """
    _progress(checkpoint, path)
    name = find_not_finite(checkpoint['state_dict'], checkpoint['optimizer'], parameters)
    if name is not None:
        raise ValueError(
            f'{path} cannot be resumed from: {name} has entries that are NaN or infinite. Continue '
            'from an earlier checkpoint'
        )


def resolve_checkpoint(path: str | os.PathLike) -> Path:
    """The path of a checkpoint; a work directory stands for its newest checkpoint.

    ``shipped:LAYOUT`` stands for an encoder that comes with the package.

    Raises:
        FileNotFoundError: if the work directory has none.
        ValueError: if none of them can be read, or no such encoder comes with the package.
    """
    path = Path(checkpoint_path(path))
    if not path.is_dir():
        return path
    newest = newest_checkpoint(path)
    if newest is None:
        raise FileNotFoundError(f'there are no checkpoints in {path}')
    return newest


def checkpoint_names(work_dir: str | os.PathLike) -> list[str]:
    """The names of the checkpoints that runs have saved in a work directory."""
    return sorted(p.name for p in Path(work_dir).glob('*.pth') if _OF_A_RUN.fullmatch(p.name))


def check_no_checkpoints(work_dir: str | os.PathLike) -> None:
    """Raise a ValueError if a new run would overwrite the checkpoints of another."""
    names = checkpoint_names(work_dir)
    if names:
        more = f' and {len(names) - 3} more' if len(names) > 3 else ''
        raise ValueError(
            f'{os.fspath(work_dir)} holds checkpoints of an earlier run ({", ".join(names[:3])}'
            f'{more}), which a new one would overwrite. Continue it with --resume (resume=True), '
            'take another work directory, or move them away'
        )


def note_last_checkpoint(path: str | os.PathLike, work_dir: str | os.PathLike) -> None:
    """Write the file ``last_checkpoint``, relative to the work directory, which may be moved."""
    with atomic_write(Path(work_dir, LAST)) as partial:
        partial.write_text(os.path.relpath(path, work_dir), encoding='utf-8')


def read_last_checkpoint(work_dir: str | os.PathLike) -> Path | None:
    """The checkpoint that the file ``last_checkpoint`` names, if there is one."""
    note = Path(work_dir, LAST)
    name = note.read_text(encoding='utf-8').strip() if note.is_file() else ''
    return Path(work_dir, name) if name else None


def _look_at(path: Path, only_meta: bool = False) -> tuple[tuple[int, int] | None, str | None]:
    """The progress of a checkpoint, or what is wrong with it."""
    try:
        checkpoint = read_checkpoint_file(path, only_meta=only_meta)
        if not only_meta:
            check_resumable(checkpoint, path)
        return _progress(checkpoint, path), None
    except (OSError, ValueError) as error:
        return None, str(error)


def _progress(checkpoint: dict, path: str | os.PathLike) -> tuple[int, int]:
    """The iterations and epochs that a checkpoint has completed, checked to have all parts."""
    meta = checkpoint.get('meta')
    meta = meta if isinstance(meta, dict) else {}
    missing = [key for key in ('state_dict', 'optimizer', 'message_hub') if key not in checkpoint]
    missing += [f'meta/{key}' for key in ('iter', 'epoch') if not isinstance(meta.get(key), int)]
    if missing:
        raise ValueError(
            f'{path} cannot be resumed from: it holds no {", no ".join(missing)}. Start a new run '
            f'from its weights with load_from={path}'
        )
    return meta['iter'], meta['epoch']
