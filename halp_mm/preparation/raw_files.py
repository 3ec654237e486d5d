"""The raw files of recordings, and their parsed clips."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from halp_mm.problems import DUPLICATE, Problem


@dataclass(frozen=True)
class RawFiles:
    """Raw files that are parsed together.

    Args:
        name: Name of the recording.
        paths: Its files.
        member: Where the only path is an archive, the file's name in it.
    """

    name: str
    paths: tuple[Path, ...]
    member: str = ''

    @property
    def where(self) -> str:
        """The files, for errors."""
        return ', '.join(str(path / self.member) for path in self.paths)


@dataclass(frozen=True)
class ParsedClip:
    """A clip from a raw file.

    Args:
        name: Its name.
        coordinates: float32 ``[M, T, V, C]``, zero where a person is absent.
        facts: What else is known of it, for :meth:`~.source.Source.facts`.
        cleaning: For each way in which it was cleaned, such as ``'frames cut'``, how often.
    """

    name: str
    coordinates: np.ndarray
    facts: dict[str, int] = field(default_factory=dict)
    cleaning: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Parsed:
    """What became of a recording.

    Args:
        name: The recording's name.
        clips: The clips in it.
        problems: What is wrong with its files.
    """

    name: str
    clips: list[ParsedClip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Find the files of some suffixes in a folder and its subfolders, sorted.

    Hidden files and the files that macOS adds to folders and archives are skipped.

    Args:
        folder: The folder.
        suffixes: Suffixes in lower case, such as ``'.txt'``; case does not matter in files.
    """
    return sorted(
        path
        for path in folder.rglob('*')
        if path.suffix.lower() in suffixes and not is_clutter(path.relative_to(folder))
    )


def second_file(name: str, first: object, second: object) -> Problem:
    """The problem that a clip has two files.

    Args:
        name: The clip's name.
        first: Its file that was found first, which is read.
        second: The other one.
    """
    text = (
        f'{second}: clip {name} is also {first}; expected one file a clip. Of the two, this one '
        'is left out by --skip-bad'
    )
    return Problem(DUPLICATE, text)


def is_clutter(path: PurePath) -> bool:
    """Whether a path in a folder or archive is hidden, ``._*`` included, or in ``__MACOSX``."""
    return any(part.startswith('.') or part == '__MACOSX' for part in path.parts)
