"""One data file of several, in one layout and one unit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

import torch
from torch import Tensor

from halp_mm.datasets.annotations import MISSING, is_pickle
from halp_mm.datasets.body_lengths import some_skeletons
from halp_mm.datasets.layout_conversion import converted_clip, label_of, splits_by_clip
from halp_mm.datasets.pool import (
    JoinedClasses,
    describe_classes,
    first_positions,
    join_classes,
    join_columns,
    join_labels,
    join_names,
    join_splits,
    keep_classes_apart,
    name_sources,
)
from halp_mm.datasets.storage import UNLABELLED, ClipStorage, ClipWriter
from halp_mm.problems import listing
from halp_mm.progress_bar import progress_bar
from halp_mm.skeletons import (
    SkeletonLayout,
    convert_joints,
    describe_conversion,
    describe_units,
    get_layout,
    median_body_length,
)

_PARTS = ('train', 'test')
_USUAL_PROTOCOL = 'xsub'


@dataclass(frozen=True)
class MergeSummary:
    """What a merged data file holds.

    Args:
        lines: What became of the sources, the classes, the splits, the subjects and the columns.
    """

    lines: Sequence[str]

    def __str__(self) -> str:
        return '\n'.join(self.lines)


def merge_data_files(
    data_files: Sequence[str | os.PathLike],
    *,
    out: str | os.PathLike,
    to_layout: str | Mapping | SkeletonLayout | None = None,
    classes: Literal['joined', 'apart'] = 'joined',
    names: Sequence[str] | None = None,
    scale: Mapping[str, float] | None = None,
    protocols: Mapping[str, str] | None = None,
    dataset: str | None = None,
    progress: TextIO | None = None,
) -> MergeSummary:
    """Write the clips of several data files to one. Clips are called ``NAME/CLIP``.

    A split ``S`` of a source becomes ``NAME_S``. Splits that all sources have are joined, and so
    are one protocol's training and test clips of each source: ``train`` and ``test``. Frames pass
    one clip at a time, so memory does not grow with the files.

    Args:
        data_files: The data files.
        out: The data file to make.
        to_layout: The layout to convert the clips to. Files of one layout need none.
        classes: Whether classes of the same name are joined or kept apart as ``NAME/CLASS``. In
            names, case does not count, and spaces, hyphens and underscores are the same.
        names: A name for each file, in their order; by default that of its data set, or else of
            the file.
        scale: What to multiply the coordinates of a source by, by its name, such as
            ``{'msr': 0.001}`` from millimetres to metres; 1 accepts what looks like another unit.
        protocols: The protocol of a source that ``train`` and ``test`` are made of, by its name,
            such as ``{'nw_ucla': 'xview'}``; by default plain ``train`` and ``test``, else
            ``xsub``, else its only one.
        dataset: Name of the merged data set; by default the file's name.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        What the file holds, for printing.

    Raises:
        FileNotFoundError: if a data file is missing.
        ValueError: if a file is damaged, layouts or units differ, a clip cannot be converted, or
            an option names a source that there is not.
    """
    sources = _open_sources(data_files, names, out)
    for option, values in (('scale', scale), ('protocols', protocols)):
        _check_names(option, values or {}, sources)
    target = _find_target(sources, to_layout)
    conversions = {name: describe_conversion(s.layout, target) for name, s in sources.items()}
    factors = _find_factors(sources, target, scale or {})
    joined = keep_classes_apart(sources) if classes == 'apart' else join_classes(sources)
    labels, (columns, subjects) = join_labels(sources, joined), join_columns(sources)
    splits, split_lines = _merge_splits(sources, protocols or {})
    channels = min(storage.block.skeleton_shape[1] for storage in sources.values())
    clip_names, members = join_names(sources), splits_by_clip(splits, len(labels))
    with (
        ClipWriter(out, target, joined.names, dataset or Path(out).stem) as writer,
        progress_bar(len(labels), progress) as step,
    ):
        for position, clip in enumerate(_clips(sources, target, factors, channels)):
            facts = {key: int(column[position]) for key, column in columns.items()}
            label = label_of(labels, position)
            writer.add(clip_names[position], clip.numpy(), label, members[position], **facts)
            step()
        writer.notes = {
            'subjects': subjects,
            'sources': [
                {
                    'name': name,
                    'file': str(storage.path),
                    'dataset': storage.dataset,
                    'clips': len(storage),
                    'factor': factors.get(name, 1),
                    'layout_conversion': conversions[name],
                    'notes': storage.notes,
                }
                for name, storage in sources.items()
            ],
        }
    return MergeSummary(
        [
            f'clips: {len(labels)} from {len(sources)} data files',
            *_source_lines(sources, conversions, factors, channels),
            *_class_lines(joined, classes, labels),
            *split_lines,
            *_column_lines(sources, subjects),
            f'layout: {target.name}',
        ]
    )


def _open_sources(
    data_files: Sequence[str | os.PathLike], names: Sequence[str] | None, out: str | os.PathLike
) -> dict[str, ClipStorage]:
    for path in data_files:
        if is_pickle(path):
            raise ValueError(
                f'{path} is a pickle; make a data file of it with tools/data/convert_annotations.py'
            )
    storages = [ClipStorage(path) for path in data_files]
    paths = [storage.path.resolve() for storage in storages]
    if len(storages) < 2 or len(set(paths)) < len(paths):
        raise ValueError(
            f'found the data files {", ".join(map(str, data_files))}; expected two or more, each '
            'once'
        )
    if Path(out).resolve() in paths:
        raise ValueError(f'{out} is one of the files to merge; choose another name to write to')
    if names is None:
        names = name_sources(storages)
    if len(names) != len(storages) or len(set(names)) < len(names) or not all(names):
        raise ValueError(
            f'found the names {", ".join(names)} for {len(storages)} data files; expected one name '
            'each, all different'
        )
    return dict(zip(names, storages))


def _check_names(option: str, values: Mapping, sources: Mapping) -> None:
    unknown = [name for name in values if name not in sources]
    if unknown:
        raise ValueError(
            f'{option} names {unknown[0]!r}, which is none of the sources '
            f'{", ".join(sources)}. Sources can be named by names'
        )


def _find_target(
    sources: Mapping[str, ClipStorage], to_layout: str | Mapping | SkeletonLayout | None
) -> SkeletonLayout:
    if to_layout is not None:
        return get_layout(to_layout)
    layouts = {name: storage.layout for name, storage in sources.items()}
    first = next(iter(layouts.values()))
    if any(layout != first for layout in layouts.values()):
        found = ', '.join(f'{name} has {layout.name!r}' for name, layout in layouts.items())
        raise ValueError(f'the layouts differ: {found}. Say which one to convert to: --to-layout')
    return first


def _find_factors(
    sources: Mapping[str, ClipStorage], target: SkeletonLayout, scale: Mapping[str, float]
) -> dict[str, float]:
    """What to multiply the coordinates of sources by, after a check of their body lengths."""
    for name, factor in scale.items():
        is_number = isinstance(factor, (int, float)) and not isinstance(factor, bool)
        if not is_number or not 0 < factor < float('inf'):
            raise ValueError(f'scale of {name!r} is {factor!r}; expected a positive number')
    lengths = {}
    for name, storage in sources.items():
        skeletons = some_skeletons(storage.block, torch.arange(len(storage)))
        converted = convert_joints(torch.from_numpy(skeletons), storage.layout, target).numpy()
        lengths[name] = median_body_length(converted * scale.get(name, 1), target)
    first = next(iter(lengths))
    for name, length in lengths.items():
        if name in scale:  # the user has looked at it
            continue
        units = describe_units({first: lengths[first], name: length}) if name != first else None
        if units:
            raise ValueError(
                f'{units}: --scale {name}=FACTOR multiplies, and --scale {name}=1 takes it as it is'
            )
    return dict(scale)


def _merge_splits(
    sources: Mapping[str, ClipStorage], protocols: Mapping[str, str]
) -> tuple[dict[str, Tensor], list[str]]:
    """The splits of the merged file, and lines that describe them."""
    starts = first_positions(sources)
    shared = join_splits(sources)
    prefixes = {name: _prefix(name, s, protocols.get(name)) for name, s in sources.items()}
    lines = []
    for part in _PARTS:
        made_of = {
            name: storage.splits[f'{prefixes[name]}{part}'] + starts[name]
            for name, storage in sources.items()
            if prefixes[name] is not None and f'{prefixes[name]}{part}' in storage.splits
        }
        if made_of:
            shared[part] = torch.cat(list(made_of.values()))
            found = [f'{name} {prefixes[name]}{part} {len(made_of[name])}' for name in made_of]
            lines.append(f'  {part} {len(shared[part])}{listing(found)}')
    left_out = [name for name, prefix in prefixes.items() if prefix is None]
    if left_out:
        lines.append(f'  neither in train nor in test, as no protocol is known{listing(left_out)}')
    of_all = [f'{split} {len(shared[split])}' for split in sorted(shared) if split not in _PARTS]
    lines += [f'  of all sources{listing(of_all)}'] if of_all else []
    splits = dict(shared)
    for name, storage in sources.items():
        for split, members in storage.splits.items():
            if f'{name}_{split}' in splits:
                raise ValueError(
                    f'two splits of the merged file would be called "{name}_{split}"; name the '
                    'sources otherwise (--names)'
                )
            splits[f'{name}_{split}'] = members + starts[name]
    own = [f'{split} {len(splits[split])}' for split in sorted(splits) if split not in shared]
    lines += [f'  of single sources{listing(own)}'] if own else []
    return splits, [f'splits: {len(splits)}', *lines]


def _prefix(name: str, storage: ClipStorage, protocol: str | None) -> str | None:
    """What the names of a source's training and test splits begin with; None if that is unknown."""
    found = dict.fromkeys(
        split.removesuffix(part)
        for split in sorted(storage.splits)
        for part in _PARTS
        if split == part or split.endswith(f'_{part}')
    )
    if protocol is not None:
        if f'{protocol}_' not in found:
            known = [prefix.removesuffix('_') for prefix in found if prefix]
            raise ValueError(
                f'protocols: {name!r} has no protocol {protocol!r}; it has {known or "none"}'
            )
        return f'{protocol}_'
    usual = [prefix for prefix in ('', f'{_USUAL_PROTOCOL}_') if prefix in found]
    return (usual or (list(found) if len(found) == 1 else [None]))[0]


def _clips(
    sources: Mapping[str, ClipStorage],
    target: SkeletonLayout,
    factors: Mapping[str, float],
    channels: int,
) -> Iterator[Tensor]:
    """The clips of all sources as they are written."""
    for name, storage in sources.items():
        for position in range(len(storage)):
            clip = converted_clip(storage, position, target)[..., :channels]
            if name in factors:
                clip = clip.clone()
                clip[..., : target.dimensions] *= factors[name]
            yield clip


def _source_lines(
    sources: Mapping[str, ClipStorage],
    conversions: Mapping[str, Mapping],
    factors: Mapping[str, float],
    channels: int,
) -> list[str]:
    lines = []
    for name, storage in sources.items():
        done = [f'{name} {len(storage)} ({storage.path})']
        if conversions[name]:
            done.append(f'converted from {storage.layout.name}')
        if name in factors:
            done.append(f'coordinates times {factors[name]:g}')
        if storage.block.skeleton_shape[1] > channels:
            done.append('scores dropped, as not all sources have them')
        lines.append(f'  {", ".join(done)}')
    return lines


def _class_lines(classes: JoinedClasses, how: str, labels: Tensor) -> list[str]:
    is_apart = how == 'apart'
    said = 'kept apart as NAME/CLASS' if is_apart else describe_classes(classes)
    lines = [f'classes: {len(classes.names)}; {said}']
    unlabelled = int((labels == UNLABELLED).sum())
    return lines + ([f'  {unlabelled} clips without a label'] if unlabelled else [])


def _column_lines(sources: Mapping[str, ClipStorage], subjects: Sequence[str]) -> list[str]:
    lines = []
    if subjects:
        lines.append(
            f'subjects: {len(subjects)}, numbered anew so that none is in two sources; the notes '
            'have their old numbers'
        )
    keys = dict.fromkeys(key for storage in sources.values() for key in storage.columns)
    partial = [key for key in keys if any(key not in s.columns for s in sources.values())]
    if partial:
        lines.append(f'columns that not all sources have, {MISSING} elsewhere{listing(partial)}')
    return lines
