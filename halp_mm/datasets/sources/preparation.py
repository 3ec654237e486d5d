"""From raw recordings to a data file: what all data sets have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Protocol, TextIO

from halp_mm.datasets.sources.parallel_parsing import (
    Parsed,
    RawFiles,
    parse_files,
    parts_folder,
    remove_parts,
)
from halp_mm.datasets.sources.reporting import progress_bar
from halp_mm.datasets.storage import ClipWriter


class BadFilesError(ValueError):
    """Some raw files are bad; the message lists all of them with their reasons.

    Args:
        problems: What is wrong, each with the file's name.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            '\n  '.join([f'raw data with {len(problems)} problems:', *problems])
            + '\nGet these files again, or leave them out with --skip-bad'
        )


class Summary(Protocol):
    """What became of the recordings: a dataclass of plain containers."""

    #: What is wrong with files, each with the file's name.
    problems: list[str]


def write_data_file(
    writer: ClipWriter,
    recordings: Sequence[RawFiles],
    parse: Callable[[RawFiles], Parsed],
    add: Callable[[Parsed], None],
    summary: Summary,
    notes: dict,
    files_per_shard: int,
    workers: int | None,
    skip_bad: bool,
    progress: TextIO | None,
) -> None:
    """Parse recordings on all cores and write the data file; continue where an earlier run stopped.

    Args:
        writer: Writes the data file. Parsed clips are kept beside it until it is complete.
        recordings: What to parse.
        parse: What parses one recording; see :func:`~.parallel_parsing.parse_files`.
        add: Called with each result, in order: adds clips to the writer, and to the summary what
            there is to say, problems included.
        summary: Stands in the file's notes.
        notes: What else shall stand there.
        files_per_shard: How many recordings are parsed at a time.
        workers: How many processes parse; by default one for each core.
        skip_bad: Write the file also when the summary has problems.
        progress: Where to draw a progress bar, such as ``sys.stderr``.

    Raises:
        BadFilesError: if the summary has problems, unless ``skip_bad``.
    """
    parts = parts_folder(writer.path)
    with writer, progress_bar(len(recordings), progress) as step:
        for parsed in parse_files(parse, recordings, parts, files_per_shard, workers):
            add(parsed)
            step()
        if summary.problems and not skip_bad:
            raise BadFilesError(summary.problems)
        writer.notes = {**notes, **asdict(summary)}
    remove_parts(parts)
