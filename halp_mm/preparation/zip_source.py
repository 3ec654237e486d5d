"""Data sets with one file a clip, whose name is made of numbers: action, subject and so on."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from halp_mm.preparation.raw_files import RawFiles
from halp_mm.preparation.source import Source
from halp_mm.preparation.summary import Summary
from halp_mm.preparation.zip_or_folder import find_clips


class ZipSource(Source):
    """A data set in a zip file, or in the folder it was unpacked to.

    Args:
        raw: The zip file, or a folder with the files in it or in its subfolders.
    """

    #: The data set's name in messages.
    title: ClassVar[str]
    #: What the files are called, in messages.
    pattern: ClassVar[str]
    #: Matches a file's name; its named groups are the numbers.
    file_name: ClassVar[re.Pattern]
    #: The clip's name, with the numbers in braces. Names are in the order of the clips.
    clip_name: ClassVar[str]
    #: The values that numbers may have.
    allowed: Mapping[str, Collection[int]]

    def __init__(self, raw: str | os.PathLike) -> None:
        self.raw = Path(raw)
        self._numbers: dict[str, dict[str, int]] = {}

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The clips' files, in the order of the names."""
        suffix = Path(self.pattern).suffix
        found = find_clips(self.raw, suffix, self._name_of, self.title, self.pattern, summary)
        return list(found.values())

    def numbers(self, clip: str) -> dict[str, int]:
        """The numbers in the name of a clip's file."""
        return dict(self._numbers[clip])

    def _name_of(self, file: str) -> str | None:
        match = self.file_name.fullmatch(file)
        if not match:
            return None
        numbers = {key: int(digits) for key, digits in match.groupdict().items()}
        if any(numbers[key] not in values for key, values in self.allowed.items()):
            found = _joined(f'{key} {numbers[key]}' for key in self.allowed)
            expected = _joined(f'{key}s {_range(values)}' for key, values in self.allowed.items())
            raise ValueError(f'{found}; expected {expected}')
        name = self.clip_name.format(**numbers)
        self._numbers[name] = numbers
        return name


def _joined(words: Iterable[str]) -> str:
    *first, last = words
    return f'{", ".join(first)} and {last}'


def _range(values: Collection[int]) -> str:
    if isinstance(values, range):
        return f'{values[0]} to {values[-1]}'
    return ', '.join(map(str, values))
