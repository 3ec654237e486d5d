"""Data sets that come as a zip file with one file a clip, or as the folder it was unpacked to."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from halp_mm.preparation.raw_files import RawFiles, find_files, is_clutter, second_file
from halp_mm.preparation.summary import Summary
from halp_mm.problems import BAD_NAME, Problem

MAX_BYTES = 1 << 26  # of a clip's file: far more than any data set's longest clip takes

_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def find_clips(
    raw: Path,
    suffix: str,
    name_of: Callable[[str], str | None],
    dataset: str,
    pattern: str,
    summary: Summary,
) -> dict[str, RawFiles]:
    """Find the clips of a data set.

    Args:
        raw: The zip file, or a folder with the files in it or in its subfolders.
        suffix: The files' suffix.
        name_of: Gives the clip's name of a file's name, None if the file is no clip, and raises a
            ValueError if there can be no such clip.
        dataset: The data set's name, for errors.
        pattern: What the files are called, for errors.
        summary: Is told of files whose names are not as expected, and of second files of a clip.

    Returns:
        The clips' files by the clips' names, in the order of the names.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if the zip file is broken or there are no clips.
    """
    files = _find_files(raw, suffix, dataset, pattern)
    clips: dict[str, RawFiles] = {}
    for file in files:
        try:
            name = name_of(PurePosixPath(file.name).name)
        except ValueError as error:
            text = f'{file.where} is of {error}. Rename or remove the file'
            summary.problems.append(Problem(BAD_NAME, text))
            continue
        if name is None:
            continue
        if name in clips:
            summary.problems.append(second_file(name, clips[name].where, file.where))
        else:
            clips[name] = RawFiles(name, file.paths, file.member)
    if not clips and not summary.problems:
        raise ValueError(
            f'{raw} has {len(files)} files, none of them a clip; expected files {pattern}. Give '
            f'the zip file of {dataset} or the folder it was unpacked to'
        )
    return {name: clips[name] for name in sorted(clips)}


def read_bytes(files: RawFiles) -> bytes:
    """The content of a clip's only file, whether it is in a folder or in a zip file.

    Args:
        files: The clip's file.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if the zip file is broken or the file is far too large.
    """
    (path,) = files.paths
    if not files.member:
        _check_size(path.stat().st_size, files)
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive.getinfo(files.member).file_size, files)
            return archive.read(files.member)
    except (*_BROKEN_ZIP, KeyError) as error:
        raise _broken(path / files.member, error) from error


def _find_files(raw: Path, suffix: str, dataset: str, pattern: str) -> list[RawFiles]:
    """The files, each under its path in the folder or zip file."""
    if raw.is_dir():
        paths = find_files(raw, {suffix})
        return [RawFiles(path.relative_to(raw).as_posix(), (path,)) for path in paths]
    if not raw.is_file():
        raise FileNotFoundError(
            f'there is no {raw}; expected the zip file of {dataset} or the folder with its files '
            f'{pattern}'
        )
    try:
        with zipfile.ZipFile(raw) as archive:
            names = archive.namelist()
    except _BROKEN_ZIP as error:
        raise _broken(raw, error) from error
    paths = map(PurePosixPath, names)
    return [
        RawFiles(name, (raw,), name)
        for name, path in zip(names, paths)
        if path.suffix.lower() == suffix and not is_clutter(path)
    ]


def _check_size(size: int, files: RawFiles) -> None:
    if size > MAX_BYTES:
        raise ValueError(
            f'{files.where} has {size} bytes; expected at most {MAX_BYTES}. Get the file again'
        )


def _broken(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f'{path} cannot be read: {error}; expected a whole zip file or a folder. Download the zip '
        'file again, or unpack it and give the folder'
    )
