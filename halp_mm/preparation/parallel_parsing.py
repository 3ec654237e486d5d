"""Parse many raw files on all cores, in order, so that an interrupted run can continue.

The files are parsed in groups. A worker writes what it made of a group to a shard, a file in a
folder of its own, and the caller reads the shards one after the other. So clips never queue up in
memory, however many there are. An existing shard is used again if the size and modification time
of all its raw files are unchanged and none of them was bad.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from halp_mm.atomic_write import atomic_write
from halp_mm.available_cpus import available_cpus
from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles
from halp_mm.problems import BAD_FILE, Problem
from halp_mm.version import __version__


def parts_folder(out: str | os.PathLike) -> Path:
    """Where the shards of an unfinished data file are: ``OUT.parts``."""
    return Path(f'{os.fspath(out)}.parts')


def parse_files(
    parse: Callable[[RawFiles], Parsed],
    recordings: Sequence[RawFiles],
    parts: Path,
    files_per_shard: int,
    workers: int | None = None,
) -> Iterator[Parsed]:
    """Parse recordings, several at a time.

    Args:
        parse: Parses one recording; a function that can be imported by name. A ``ValueError``
            or ``OSError`` that it raises becomes the recording's problem.
        recordings: What to parse.
        parts: The folder for the shards. They stay there; see :func:`remove_parts`.
        files_per_shard: How many recordings are parsed at a time.
        workers: How many processes parse; by default one for each core. With more than one, a
            script that itself defines ``parse`` needs ``if __name__ == '__main__':``, as the
            processes import it.

    Yields:
        What became of each recording, in their order.

    Raises:
        OSError: if a shard cannot be written, or a worker was killed.
        ValueError: if ``workers`` is not positive.
    """
    workers = available_cpus() if workers is None else workers
    if workers < 1:
        raise ValueError(f'workers is {workers}; expected 1 or more')
    parts.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(recordings), files_per_shard)
    groups = [recordings[start : start + files_per_shard] for start in starts]
    paths = [parts / f'{number:06d}.safetensors' for number in range(len(groups))]
    with _mapping(min(workers, len(groups)), parse) as mapping:
        for path in mapping(partial(_make_shard, parse), groups, paths):
            yield from _read_shard(path)


def remove_parts(parts: Path) -> None:
    """Remove the shards, and their folder if nothing else is in it."""
    for path in parts.glob('*.safetensors'):
        path.unlink()
    with suppress(OSError):
        parts.rmdir()


@contextmanager
def _mapping(
    workers: int, parse: Callable[[RawFiles], Parsed]
) -> Iterator[Callable[..., Iterable[Path]]]:
    """``map`` by as many processes, which import no more than ``parse`` needs."""
    if workers < 2:
        yield map
        return
    if getattr(multiprocessing.current_process(), '_inheriting', False):
        # A worker that imports a script without a main guard; the caller says what is wrong.
        raise SystemExit(1)
    # Not a Pool, which waits for ever for a worker that was killed.
    executor = ProcessPoolExecutor(
        workers,
        multiprocessing.get_context('spawn'),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )

    def start_map(*arguments: object) -> Iterable[Path]:
        with _interrupts_blocked(), _without_main_module(parse):
            return executor.map(*arguments)

    try:
        yield start_map
    except BrokenProcessPool as error:
        raise ChildProcessError(_why_broken(parse)) from error
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that leave interrupts to the caller from their first moment.

    They inherit what is blocked. Windows has no such thing; there they ignore interrupts when
    they have started.
    """
    if not hasattr(signal, 'pthread_sigmask'):
        yield
        return
    blocked_before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked_before)


def _why_broken(parse: Callable[[RawFiles], Parsed]) -> str:
    """Why a worker may have ended, and what to do."""
    if parse.__module__ == '__main__':
        return (
            f'a worker process ended early. It imports the script, because {parse.__qualname__} is '
            "defined there: is the call in the script under if __name__ == '__main__':? If it is, "
            'the worker was killed, perhaps because memory ran out; take fewer workers'
        )
    return (
        'a worker process was killed, perhaps because memory ran out. The same command with '
        'fewer --workers continues where this one stopped'
    )


@contextmanager
def _without_main_module(parse: Callable[[RawFiles], Parsed]) -> Iterator[None]:
    """Start processes that do not import the caller's script, unless ``parse`` is defined there.

    A spawned process imports the main module, and with it torch and whatever else the caller uses.
    """
    main = sys.modules['__main__']
    known = {key: vars(main)[key] for key in ('__spec__', '__file__') if key in vars(main)}
    if parse.__module__ == '__main__':
        known = {}
    vars(main).update(dict.fromkeys(known))
    try:
        yield
    finally:
        vars(main).update(known)


def _make_shard(
    parse: Callable[[RawFiles], Parsed], recordings: Sequence[RawFiles], path: Path
) -> Path:
    """Parse a group and write its shard, unless there is a good one."""
    signature = _signature(parse, recordings)
    if _is_current(path, signature):
        return path
    results = [_parse(parse, recording) for recording in recordings]
    clips = [clip for result in results for clip in result.clips]
    # No tensor at all without clips: an empty one has no shape to speak of.
    frames = {f'{i:06d}': np.ascontiguousarray(clip.coordinates) for i, clip in enumerate(clips)}
    index = [
        [
            result.name,
            [[clip.name, clip.facts, clip.cleaning] for clip in result.clips],
            result.problems,
        ]
        for result in results
    ]
    with atomic_write(path) as partial_path:
        partial_path.write_bytes(save(frames, {'signature': signature, 'index': json.dumps(index)}))
    return path


def _parse(parse: Callable[[RawFiles], Parsed], recording: RawFiles) -> Parsed:
    try:
        return parse(recording)
    except OSError as error:
        problem = f'{error.filename} cannot be read: {error.strerror}; expected a readable file'
    except ValueError as error:
        text, where = str(error), recording.where
        problem = text if any(str(path) in text for path in recording.paths) else f'{where}: {text}'
    return Parsed(recording.name, problems=[Problem(BAD_FILE, problem)])


def _signature(parse: Callable[[RawFiles], Parsed], recordings: Sequence[RawFiles]) -> str:
    """Everything that the shard of a group depends on."""
    files = [
        [recording.name, str(path), recording.member, *_size_and_time(path)]
        for recording in recordings
        for path in recording.paths
    ]
    return json.dumps([__version__, f'{parse.__module__}.{parse.__qualname__}', files])


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # parsing it says what is wrong
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _is_current(path: Path, signature: str) -> bool:
    """Whether there is a shard for these files in which none is bad."""
    try:
        with safe_open(path, framework='np') as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError):
        return False
    if metadata.get('signature') != signature:
        return False
    return not any(problems for _, _, problems in json.loads(metadata['index']))


def _read_shard(path: Path) -> Iterator[Parsed]:
    with safe_open(path, framework='np') as file:
        position = 0
        for name, clips, problems in json.loads(file.metadata()['index']):
            parsed = []
            for clip_name, *facts in clips:
                parsed.append(ParsedClip(clip_name, file.get_tensor(f'{position:06d}'), *facts))
                position += 1
            yield Parsed(name, parsed, [Problem(*problem) for problem in problems])
