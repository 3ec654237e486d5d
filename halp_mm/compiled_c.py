"""C of this package, compiled where it runs."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

#: For loops that are marked as vectors, on the CPU at hand. NaN and infinity stay what they are.
FLAGS = ['-O3', '-march=native', '-fopenmp-simd', '-fno-math-errno', '-fno-trapping-math']
if platform.machine() in ('x86_64', 'AMD64'):
    FLAGS.append('-mprefer-vector-width=512')  # a fifth faster here, where there are such vectors

#: Up to which number of threads one of C's is faster than all of them with PyTorch's operators.
FASTER_THAN = 4
#: Numbers from which on PyTorch's operators use several threads.
SHARED_FROM = 32768


def compiled_for(numbers: Tensor, package: str, name: str) -> ctypes.CDLL | None:
    """The functions of a C file, if they can compute so many numbers at a time, and sooner.

    Args:
        numbers: What one call computes, or a tensor like it.
        package: As for :func:`compiled`.
        name: As for :func:`compiled`.
    """
    if numbers.dtype != torch.float32 or numbers.device.type != 'cpu':
        return None
    if numbers.numel() >= SHARED_FROM and torch.get_num_threads() > FASTER_THAN:
        return None
    return compiled(package, name)


@functools.cache
def compiled(package: str, name: str) -> ctypes.CDLL | None:
    """Compile a C file of this package and load it, once a process; a line says so.

    It takes the compiler that the environment variable ``CC`` names, or else ``cc``, some 0.15 s,
    and leaves no file behind.

    Args:
        package: Where the file stands, such as ``'halp_mm.models.modules'``.
        name: The file, such as ``'gru_gates.c'``.

    Returns:
        Its functions; None if there is no compiler or it fails, which a line says as well.
    """
    compiler = os.environ.get('CC', '').strip() or 'cc'
    try:
        library = compile_c(compiler, resources.files(package).joinpath(name).read_bytes())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        line = f"PyTorch's operators do the work of {name}, which takes longer: {error}"
        print_log(line, 'current')
        return None
    print_log(f'{name} is compiled by {compiler}', 'current')
    return library


def compile_c(compiler: str, source: bytes) -> ctypes.CDLL:
    """Compile C and load it.

    Args:
        compiler: The command, with arguments if there are any.
        source: The text.

    Raises:
        OSError: if there is no such compiler, it fails, or what it made cannot be loaded.
        ValueError: if a quotation mark of the command has no other.
        subprocess.TimeoutExpired: if it takes longer than a minute.
    """
    command = shlex.split(compiler)
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(
            f'there is no C compiler {command[0]!r}; install one, or let CC name one'
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        library = Path(folder, 'library.so')
        command += [*FLAGS, '-shared', '-fPIC', '-x', 'c', '-', '-o', str(library)]
        done = subprocess.run(command, input=source, capture_output=True, timeout=60)
        if done.returncode:
            reason = done.stderr.decode(errors='replace').strip().partition('\n')[0]
            raise OSError(f'{compiler} failed: {reason}')
        return ctypes.CDLL(str(library))


class BoundToTensors:
    """A C function of addresses and integers as one of its integers.

    Args:
        function: The function of a library.
        tensors: Those whose addresses it takes first, which lie without gaps; None is null. They
            are kept for as long as this is.
        numbers: How many integers of 64 bits it takes after them.
    """

    def __init__(self, function: Any, tensors: Sequence[Tensor | None], numbers: int) -> None:
        function.argtypes = [ctypes.c_void_p] * len(tensors) + [ctypes.c_int64] * numbers
        self.function = function
        self.tensors = tensors
        self.addresses = [None if tensor is None else tensor.data_ptr() for tensor in tensors]

    def __call__(self, *integers: int) -> None:
        """Call it."""
        self.function(*self.addresses, *integers)
