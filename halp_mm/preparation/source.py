"""A source of recordings: everything that is specific to one data set or kind of files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles

if TYPE_CHECKING:
    from halp_mm.preparation.summary import Summary
    from halp_mm.skeletons import SkeletonLayout


@dataclass(frozen=True)
class ClipFacts:
    """What is known about a clip besides its coordinates.

    Args:
        label: Its class, counted from 0; None if it has no label.
        splits: Its splits.
        columns: Further facts, the same ones for each clip of a source.
    """

    label: int | None
    splits: Sequence[str] = ()
    columns: Mapping[str, int] = field(default_factory=dict)


class Source(ABC):
    """Recordings that :func:`~.preparing.prepare` makes a data file of.

    A subclass says where the files are, how one recording is parsed and what is known of its
    clips. Workers, resuming, bad files, people who are never seen, the summary and writing are the
    same for all sources. Register a subclass in :data:`halp_mm.registry.SOURCES`.
    """

    #: The data set's name.
    name: str
    #: The joint layout of the parsed clips.
    layout: str | Mapping | SkeletonLayout
    #: Class names; labels count from 0 in this list.
    class_names: Sequence[str]
    #: The splits, each with its published number of clips; None where none is published.
    splits: Mapping[str, int | None] = {}
    #: Further notes for the data file, such as how people are chosen.
    notes: Mapping = {}
    #: How many recordings a worker parses at a time.
    recordings_per_part = 64
    #: Whether workers parse the recordings; False if all clips are in memory.
    in_workers = True

    @abstractmethod
    def recordings(self, summary: Summary) -> list[RawFiles]:
        """Find the recordings.

        Args:
            summary: Receives what is omitted, and the problems so far.

        Returns:
            The recordings in the order of the data file.

        Raises:
            FileNotFoundError: if a folder or file is missing.
            ValueError: if there are no recordings.
        """

    @staticmethod
    @abstractmethod
    def parse(files: RawFiles) -> Parsed:
        """Read a recording. This runs in a worker process.

        A worker imports the module where this function is defined, so that module should import
        NumPy at most: torch takes seconds.

        Args:
            files: The recording.

        Returns:
            Its clips, cleaned, and what is wrong with single ones.

        Raises:
            OSError: if a file cannot be read.
            ValueError: if it is not as expected; this becomes the recording's problem.
        """

    @abstractmethod
    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What is known of a clip: label, splits, columns.

        Raises:
            ValueError: if it is not as expected; this becomes the clip's problem.
        """

    def fit(self, clip: ParsedClip) -> np.ndarray:
        """Fit a parsed clip to the layout, where that is not possible in :meth:`parse`.

        Returns:
            ``[M, T, V, C]``, by default the clip's coordinates as they are.

        Raises:
            ValueError: if the clip does not fit; this becomes its problem.
        """
        return clip.coordinates

    def remarks(self, summary: Summary) -> list[str]:
        """Further lines of the summary; none by default."""
        return []
