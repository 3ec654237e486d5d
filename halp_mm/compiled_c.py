"""C of this package, compiled where it runs."""

from __future__ import annotations

import ctypes
import functools
import os
import shlex
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

from mmengine.logging import print_log

#: For loops that are marked as vectors, on the CPU at hand. Numbers that are none stay so.
FLAGS = ('-O3', '-march=native', '-mprefer-vector-width=512', '-fopenmp-simd', '-fno-math-errno', '-fno-trapping-math')


@functools.cache
def compiled(package: str, name: str) -> ctypes.CDLL | None:
    """Compile a C file of this package and load it, once a process; a line says so.

    It takes the compiler that the environment variable ``CC`` names, or else ``cc``, some 0.3 s,
    and leaves no file behind.

    Args:
        package: Where the file stands, such as ``'halp_mm.models.modules'``.
        name: The file, such as ``'gru_gates.c'``.

    Returns:
        Its functions; None if there is no compiler or it fails, which a line says as well.
    """
    compiler = shlex.split(os.environ.get('CC') or 'cc')
    if shutil.which(compiler[0]) is None:
        return without(name, f'there is no C compiler {compiler[0]!r}')
    source = resources.files(package).joinpath(name).read_bytes()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            library = Path(folder, f'{Path(name).stem}.so')
            command = [*compiler, *FLAGS, '-shared', '-fPIC', '-x', 'c', '-', '-o', str(library)]
            done = subprocess.run(command, input=source, capture_output=True, timeout=60)
            if done.returncode:
                reason = done.stderr.decode(errors='replace').strip().partition('\n')[0]
                return without(name, f'{shlex.join(compiler)} failed: {reason}')
            loaded = ctypes.CDLL(str(library))
    except (OSError, subprocess.TimeoutExpired) as error:
        return without(name, str(error))
    print_log(f'{name} is compiled by {shlex.join(compiler)}', 'current')
    return loaded


def without(name: str, reason: str) -> None:
    """Say that a file's work is done without it."""
    print_log(f"PyTorch's operators do the work of {name}, which takes longer: {reason}", 'current')
