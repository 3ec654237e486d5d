"""What every source of recordings promises."""

from __future__ import annotations

import importlib

import numpy as np

from halp_mm.preparation import ClipFacts, Parsed, ParsedClip, RawFiles, Source
from halp_mm.preparation.summary import Summary
from halp_mm.skeletons import get_layout
from halp_mm.testing.examples import require


def check_reader(source: Source, max_recordings: int = 10) -> None:
    """Check what :func:`halp_mm.preparation.prepare` relies on in a source of recordings.

    Recordings have unique names, their files exist, workers can import the function that parses
    them, the same files give the same clips, clips are of the layout, and labels and columns fit.

    Args:
        source: The source, with some real or made files.
        max_recordings: How many of them are parsed.

    Raises:
        AssertionError: if a promise is broken; says which.

    Example:
        >>> check_reader(FolderSource('mine', 'kinect_v2'))
    """
    name = type(source).__name__
    require(isinstance(source, Source), f'{name} is no halp_mm.preparation.Source')
    summary = Summary.of(source, get_layout(source.layout).name)
    recordings = source.recordings(summary)
    names = [recording.name for recording in recordings]
    require(bool(names), f'{name} finds no recordings')
    require(len(set(names)) == len(names), f'{name}: names of recordings are not unique')
    require(
        names == [recording.name for recording in source.recordings(summary)],
        f'{name}: recordings have another order at a second call',
    )
    if source.in_workers:
        _check_parser(name, source)
    columns: set[str] | None = None
    for recording in recordings[:max_recordings]:
        for clip in _parse_twice(name, source, recording).clips:
            facts = _check_clip(name, source, clip)
            columns = set(facts.columns) if columns is None else columns
            require(
                set(facts.columns) == columns,
                f'{name}: the clip {clip.name!r} has the columns {sorted(facts.columns)}, others '
                f'{sorted(columns)}',
            )


def _check_parser(name: str, source: Source) -> None:
    """See that a worker can import what parses."""
    parse = source.parse
    found: object = importlib.import_module(parse.__module__)
    for part in parse.__qualname__.split('.'):
        found = getattr(found, part, None)
    require(
        found is parse,
        f'{name}.parse is {parse.__qualname__} of {parse.__module__}, which a worker cannot import '
        'by this name; expected a function at the top of a module, or a static method',
    )


def _parse_twice(name: str, source: Source, recording: RawFiles) -> Parsed:
    """Parse a recording, and see that it is the same a second time."""
    for path in recording.paths:
        require(path.exists(), f'{name}: the recording {recording.name!r} has no file {path}')
    parsed, again = source.parse(recording), source.parse(recording)
    require(
        parsed.name == recording.name,
        f'{name} parses the recording {recording.name!r} as {parsed.name!r}',
    )
    same = len(parsed.clips) == len(again.clips) and all(
        one.name == other.name
        and np.array_equal(one.coordinates, other.coordinates, equal_nan=True)
        for one, other in zip(parsed.clips, again.clips)
    )
    require(same, f'{name}: the recording {recording.name!r} gives other clips a second time')
    require(
        bool(parsed.clips or parsed.problems),
        f'{name}: the recording {recording.name!r} has neither clips nor problems',
    )
    return parsed


def _check_clip(name: str, source: Source, clip: ParsedClip) -> ClipFacts:
    """See that a clip fits the layout, and what is known of it the source."""
    where = f'{name}: the clip {clip.name!r}'
    coordinates = source.fit(clip)
    joints = get_layout(source.layout).num_joints
    require(
        coordinates.ndim == 4 and coordinates.shape[2] == joints,
        f'{where} is {list(coordinates.shape)}; expected [M, T, {joints}, C]',
    )
    require(coordinates.dtype == np.float32, f'{where} is {coordinates.dtype}; expected float32')
    require(bool(np.isfinite(coordinates).all()), f'{where} has numbers that are not finite')
    facts = source.facts(clip)
    require(
        facts.label is None or 0 <= facts.label < len(source.class_names),
        f'{where} has label {facts.label}; expected 0 to {len(source.class_names) - 1} or None',
    )
    unknown = [split for split in facts.splits if source.splits and split not in source.splits]
    require(not unknown, f'{where} is of the splits {unknown}; known are {sorted(source.splits)}')
    return facts
