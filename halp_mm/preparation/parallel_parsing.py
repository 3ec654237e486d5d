"""Parse many raw files on all cores, in order, so that an interrupted run can continue.

The files are parsed in groups. What is made of a group is written to a shard, a file in a folder of
its own, and the caller reads the shards one after the other. So clips never queue up in memory,
however many there are. An existing shard is used again if the size and modification time of all its
raw files are unchanged and none of them was bad.

The calling process parses as well. Others help it as soon as it is seen that there is enough left
to do: they take a fraction of a second to start.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
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

#: Seconds of work from which on helping processes, which take a quarter to start, are worth it.
WORTH_HELP = 0.5


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
        workers: How many processes parse, this one included; by default one for each core. With
            more than one, a script that itself defines ``parse`` needs
            ``if __name__ == '__main__':``, as the others import it.

    Yields:
        What became of each recording, in their order.

    Raises:
        OSError: if a shard cannot be written, or a worker was killed.
        ValueError: if ``workers`` is not positive.
    """
    workers = available_cpus() if workers is None else workers
    if workers < 1:
        raise ValueError(f'workers is {workers}; expected 1 or more')
    if workers > 1 and getattr(multiprocessing.current_process(), '_inheriting', False):
        # A worker that imports a script without a main guard; the caller says what is wrong.
        raise SystemExit(1)
    parts.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(recordings), files_per_shard)
    groups = [recordings[start : start + files_per_shard] for start in starts]
    paths = [parts / f'{number:06d}.safetensors' for number in range(len(groups))]
    make = partial(_make_shard, parse)
    seconds: list[float] = []
    for number, (group, path) in enumerate(zip(groups, paths), 1):
        start = time.monotonic()
        if make(group, path):
            seconds.append(time.monotonic() - start)
        yield from _read_shard(path)
        rest, helpers = len(groups) - number, min(workers - 1, len(groups) - number)
        if helpers and sum(seconds) * rest > WORTH_HELP * len(seconds):
            with _helpers(helpers, parse) as submit:
                shards = _shards_with_help(helpers, submit, make, groups[number:], paths[number:])
                for path in shards:
                    yield from _read_shard(path)
            return


def remove_parts(parts: Path) -> None:
    """Remove the shards, and their folder if nothing else is in it."""
    for path in parts.glob('*.safetensors'):
        path.unlink()
    with suppress(OSError):
        parts.rmdir()


def _shards_with_help(
    helpers: int,
    submit: Callable[[Sequence[RawFiles], Path], Future],
    make: Callable[[Sequence[RawFiles], Path], bool],
    groups: Sequence[Sequence[RawFiles]],
    paths: Sequence[Path],
) -> Iterator[Path]:
    """Make shards here while helpers make others; they come in order.

    Args:
        helpers: How many there are.
        submit: Lets one of them make the shard of a group.
        make: Makes the shard of a group here.
        groups: What to parse.
        paths: The shards.
    """
    futures: dict[int, Future] = {}
    begun = 0  # how many groups somebody has taken

    def keep_helpers_busy() -> None:
        nonlocal begun
        # Towards the end nobody keeps a second group waiting that another could begin.
        wanted = helpers * (2 if len(groups) - begun > 4 * helpers else 1)
        at_work = sum(not future.done() for future in futures.values())
        for _ in range(min(wanted - at_work, len(groups) - begun)):
            futures[begun] = submit(groups[begun], paths[begun])
            begun += 1

    for position, path in enumerate(paths):
        keep_helpers_busy()
        # While nobody has begun this group, or a helper is at it, do the next one here.
        while begun < len(groups) and (
            position == begun or (position in futures and not futures[position].done())
        ):
            make(groups[begun], paths[begun])
            begun += 1
            keep_helpers_busy()
        if position in futures:
            futures.pop(position).result()
        yield path


@contextmanager
def _helpers(
    helpers: int, parse: Callable[[RawFiles], Parsed]
) -> Iterator[Callable[[Sequence[RawFiles], Path], Future]]:
    """Processes that make shards, and that import no more than ``parse`` needs."""
    # Not a Pool, which waits for ever for a worker that was killed.
    executor = ProcessPoolExecutor(
        helpers,
        multiprocessing.get_context('spawn'),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )

    def submit(group: Sequence[RawFiles], path: Path) -> Future:
        with _interrupts_blocked(), _without_main_module(parse):  # this may start a process
            return executor.submit(_make_shard, parse, group, path)

    try:
        yield submit
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
) -> bool:
    """Parse a group and write its shard, unless there is a good one; return whether."""
    signature = _signature(parse, recordings)
    if _is_current(path, signature):
        return False
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
    return True


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
