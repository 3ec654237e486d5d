"""Make a data file from the recordings of any source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TextIO

import torch

from halp_mm.datasets.people import seen_people
from halp_mm.datasets.storage import ClipWriter
from halp_mm.preparation.parallel_parsing import parse_files, parts_folder, remove_parts
from halp_mm.preparation.raw_files import Parsed, RawFiles
from halp_mm.preparation.source import Source
from halp_mm.preparation.summary import Summary
from halp_mm.problems import BAD, BAD_FILE, NOBODY, BadDataError, Problem
from halp_mm.progress_bar import progress_bar
from halp_mm.skeletons import SkeletonLayout, convert_joints, describe_conversion, get_layout


def prepare(
    source: Source,
    out: str | os.PathLike,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
    to_layout: str | Mapping | SkeletonLayout | None = None,
) -> Summary:
    """Make the data file of a source.

    Parsed clips are kept in the folder ``OUT.parts`` until the data file is complete, so that an
    interrupted run continues where it stopped. People who are seen in no frame of a clip are
    dropped from it; a clip in which nobody is seen is omitted.

    Args:
        source: The recordings.
        out: The data file to make.
        workers: How many processes parse; by default one for each core.
        skip_bad: Skip bad recordings and clips instead of refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.
        to_layout: The layout to convert the clips to; by default they stay as they are.

    Returns:
        A summary of what the file holds and what was omitted, which is also in the file's notes.

    Raises:
        FileNotFoundError: if a raw file or folder is missing.
        BadDataError: a ``ValueError`` that lists all problems, unless ``skip_bad``.
        ValueError: if there are no clips, or the clips cannot be converted.
    """
    layout = get_layout(source.layout)
    target = layout if to_layout is None else get_layout(to_layout)
    conversion = describe_conversion(layout, target)
    summary = Summary.of(source, target.name)
    recordings = source.recordings(summary)
    summary.recordings = len(recordings)
    can_go_on = recordings and (skip_bad or source.in_workers)  # to find all bad files at once
    if summary.problems and not can_go_on:
        raise BadDataError(summary.problems)
    writer, parts = ClipWriter(out, target, source.class_names, source.name), parts_folder(out)
    if source.in_workers:
        per_part = source.recordings_per_part
        results = parse_files(source.parse, recordings, parts, per_part, workers)
    else:
        results = map(source.parse, recordings)
    with writer, progress_bar(len(recordings), progress) as step:
        for files, parsed in zip(recordings, results):
            _add(parsed, files, source, layout, writer, summary)
            step()
        if summary.problems and not skip_bad:
            raise BadDataError(summary.problems)
        summary.remarks = source.remarks(summary)
        conversions = {'layout_conversions': [conversion]} if conversion else {}
        writer.notes = {**source.notes, **conversions, **asdict(summary)}
    remove_parts(parts)
    return summary


def _add(
    parsed: Parsed,
    files: RawFiles,
    source: Source,
    layout: SkeletonLayout,
    writer: ClipWriter,
    summary: Summary,
) -> None:
    """Write a recording's clips, and note what became of them."""
    summary.problems += parsed.problems
    if parsed.problems and not parsed.clips:
        summary.leave_out(BAD, [parsed.name])
    for clip in parsed.clips:
        try:
            people = seen_people(source.fit(clip), layout.dimensions)
            if not len(people):
                summary.leave_out(NOBODY, [clip.name])
                continue
            people = convert_joints(torch.from_numpy(people), layout, writer.layout).numpy()
            facts = source.facts(clip)
            writer.add(clip.name, people, facts.label, facts.splits, **facts.columns)
        except ValueError as error:
            text = str(error) if files.where in str(error) else f'{files.where}: {error}'
            summary.problems.append(Problem(BAD_FILE, text))
            summary.leave_out(BAD, [clip.name])
        else:
            name = None if facts.label is None else writer.class_names[facts.label]
            summary.count(clip, people.shape[:2], facts, name)
