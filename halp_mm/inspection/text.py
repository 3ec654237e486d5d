"""What an inspection found, as text."""

from __future__ import annotations

import json

import numpy as np
from torch import Tensor

from halp_mm.datasets.storage import UNLABELLED
from halp_mm.inspection.inspection import KINDS, Inspection, suspicious_clips
from halp_mm.inspection.pitfalls import train_test_pairs
from halp_mm.problems import listing

_FEW_CLASSES, _FEW_CLIPS = 20, 5
_BINS, _BAR = 8, 30
_INDENT = ' ' * 14


def report(inspection: Inspection, everything: bool = False) -> str:
    """Some lines about a data file, for a screen.

    Args:
        inspection: What was found in it.
        everything: List all classes and all suspicious clips, not only some.
    """
    return '\n'.join(
        [
            *_pitfalls(inspection),
            *_overview(inspection),
            *_splits(inspection),
            *_classes(inspection, everything),
            *_lengths(inspection),
            *_suspicions(inspection, everything),
        ]
    )


def _pitfalls(inspection: Inspection) -> list[str]:
    if not inspection.pitfalls:
        return ['makes results wrong: nothing found', '']
    return ['makes results wrong:', *(f'  {text}' for text in inspection.pitfalls), '']


def _overview(inspection: Inspection) -> list[str]:
    storage, tracks = inspection.storage, inspection.tracks
    joints, channels = storage.block.frames.shape[1:]
    seen = tracks.num_seen > 0
    lengths = tracks.body_length[~np.isnan(tracks.body_length)]
    numbers, counts = np.unique(inspection.people_seen, return_counts=True)
    nobody = inspection.absences.num_frames
    lines = [
        f'{"file":14}{storage.path}, {storage.path.stat().st_size / 1e6:.1f} MB',
        f'{"data set":14}{storage.dataset}: {len(storage)} clips, '
        f'{len(storage.class_names)} classes{_without_label(storage.labels)}',
        f'{"layout":14}{storage.layout.name}: {joints} joints, {channels} coordinates',
        f'{"people seen":14}'
        + ', '.join(f'{number} in {count} clips' for number, count in zip(numbers, counts)),
        f'{"nobody seen":14}{nobody.sum()} frames in {np.count_nonzero(nobody)} clips',
    ]
    if seen.any():
        place = ', '.join(
            f'{axis} {low:.4g} to {high:.4g}'
            for axis, low, high in zip('xyz', *np.quantile(tracks.place[seen], (0, 1), axis=0))
        )
        lines.append(f'{"bodies at":14}{place}')
    if len(lengths):
        low, middle, high = np.quantile(lengths, (0, 0.5, 1))
        lines.append(f'{"body length":14}{low:.4g} to {high:.4g}, median {middle:.4g}')
    if inspection.missing_joints:
        lines.append(f'{"never seen":14}{", ".join(inspection.missing_joints)}')
    for name, column in sorted(storage.columns.items()):
        values = np.unique(column.numpy())
        lines.append(
            f'{"column":14}{name}: {values[0]} to {values[-1]}, {len(values)} different values'
        )
    if storage.notes:
        notes = json.dumps(storage.notes, ensure_ascii=False)
        lines.append(f'{"notes":14}{notes if len(notes) <= 86 else notes[:83] + "..."}')
    return lines


def _without_label(labels: Tensor) -> str:
    count = int((labels == UNLABELLED).sum())
    return f', {count} without a label' if count else ''


def _splits(inspection: Inspection) -> list[str]:
    lines = ['', f'{"split":14}{"clips":>8}{"classes":>9}{"clips a class":>20}']
    for name, counts in inspection.class_counts.items():
        labels = inspection.storage.labels[inspection.storage.splits[name]]
        spread = f'{counts.min()} to {counts.max()}' if len(counts) else ''
        filled = np.count_nonzero(counts)
        line = f'{name:14}{len(labels):8}{filled:9}{spread:>20}'.rstrip()
        lines.append(f'{line}{_without_label(labels)}')
        empty = _names(inspection, counts == 0)
        if 0 < len(empty) < len(counts):
            lines.append(f'{_INDENT}no clips of{listing(empty, _FEW_CLIPS).replace(":", "", 1)}')
    if not inspection.class_counts:
        return ['', f'{"split":14}none; a split is needed to train or test']
    for train, test in train_test_pairs(inspection.class_counts):
        splits = inspection.storage.splits
        both = np.intersect1d(splits[train].numpy(), splits[test].numpy())
        lines.append(f'{len(both)} clips are both in {train} and {test}')
    return lines


def _classes(inspection: Inspection, everything: bool) -> list[str]:
    counts = inspection.count_classes()
    if not len(counts):
        return ['', f'{"class":30}none; no clip has a label']
    lines = ['', f'{"class":30}{"clips":>8}']
    shown = np.arange(len(counts))
    if len(counts) > _FEW_CLASSES and not everything:
        by_count = np.argsort(counts, kind='stable')
        shown = np.sort(np.concatenate([by_count[:_FEW_CLIPS], by_count[-_FEW_CLIPS:]]))
        lines[1] += f'   (the {len(shown)} extremes of {len(counts)}; --all lists all)'
    names = inspection.storage.class_names
    lines += [f'{names[label][:29]:30}{counts[label]:8}' for label in shown]
    empty = _names(inspection, counts == 0)
    if empty:
        lines.append(f'classes without clips{listing(empty)}')
    return lines


def _names(inspection: Inspection, chosen: np.ndarray) -> list[str]:
    return [inspection.storage.class_names[label] for label in np.flatnonzero(chosen)]


def _lengths(inspection: Inspection) -> list[str]:
    lengths = inspection.storage.block.num_frames.numpy()
    edges = np.unique(np.linspace(lengths.min(), lengths.max() + 1, _BINS + 1).astype(np.int64))
    counts = np.histogram(lengths, edges)[0]
    middle = f'{lengths.min()} to {lengths.max()} a clip, median {np.median(lengths):g}'
    return ['', f'{"frames":14}{middle}'] + [
        f'{f"{first} to {end - 1}":>14}{count:8} {"#" * round(_BAR * count / counts.max())}'
        for first, end, count in zip(edges, edges[1:], counts)
    ]


def _suspicions(inspection: Inspection, everything: bool) -> list[str]:
    counts = suspicious_clips(inspection.suspicions)
    clips = {suspicion.position for suspicion in inspection.suspicions}
    lines = ['', f'suspicious clips: {len(clips)} of {len(inspection.storage)}']
    for kind, criterion in KINDS.items():
        found = inspection.of_kind(kind)
        if not found:
            continue
        lines.append(f'  {kind}: {counts[kind]} clips ({criterion})')
        shown = found if everything else found[:_FEW_CLIPS]
        lines += [f'    {suspicion.name}: {suspicion.detail}' for suspicion in shown]
        if len(shown) < len(found):
            lines.append(f'    and {len(found) - len(shown)} more; --all lists all')
    return lines
