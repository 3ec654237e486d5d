"""Answers for the clips of files and folders."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass

from halp_mm.apis.clip_collections import names_in_messages, open_clips
from halp_mm.apis.clip_reading import Layout
from halp_mm.apis.inferencer import Inference, SkeletonInferencer
from halp_mm.atomic_write import atomic_write
from halp_mm.tables import table_text


@dataclass(frozen=True)
class ClipAnswer:
    """The answer for a clip of a file or folder.

    Args:
        name: The clip's name.
        source: The file or folder that it is in.
        label: The name of its true class; None if unknown.
        inference: The answer.
    """

    name: str
    source: str
    label: str | None
    inference: Inference

    @property
    def is_own_neighbour(self) -> bool:
        """Whether the gallery's nearest clip is the clip itself."""
        nearest = self.inference.neighbours[:1]
        return any((n.name, n.source) == (self.name, self.source) for n in nearest)


def answer_files(
    inferencer: SkeletonInferencer,
    data: Sequence[str | os.PathLike],
    layout: Layout | None = None,
    split: str | None = None,
    num_neighbours: int = 1,
) -> list[ClipAnswer]:
    """Recognise the clips of files and folders.

    Args:
        inferencer: Gives the answers.
        data: Files of clips, folders with a file a clip, or data files.
        layout: The layout of clips that do not say theirs; by default that of the model's training
            clips.
        split: The split of the data files; by default all clips.
        num_neighbours: How many clips of the gallery to name.

    Raises:
        FileNotFoundError: if a file or folder is missing.
        ValueError: if clips are not as expected, or there is neither a classifier nor a gallery.
    """
    answers = []
    for source in data:
        found = open_clips(source, inferencer.layout, layout, split=split)
        inferences = inferencer(found.clips, found.layout, num_neighbours, names_in_messages(found))
        where = [os.path.abspath(found.source)] * len(inferences)
        answers += map(ClipAnswer, found.names, where, found.actions, inferences)
    return answers


def answers_table(answers: Sequence[ClipAnswer]) -> str:
    """A line a clip: its action and score, the runner-up, and the nearest clip of a gallery.

    Further lines say how many clips are in the gallery, and with labels how many are right.
    """
    labelled = [answer for answer in answers if answer.label is not None]
    has_neighbours = any(answer.inference.neighbours for answer in answers)
    rows = []
    for answer in answers:
        inference = answer.inference
        best = [*zip(inference.classes, inference.scores), ('', None), ('', None)][:2]
        cells = [cell for name, score in best for cell in (name, _number(score))]
        nearest = next((n.name for n in inference.neighbours), '') if has_neighbours else None
        label = (answer.label or '') if labelled else None
        rows.append([answer.name, *cells, *(x for x in (nearest, label) if x is not None)])
    head = ['clip', 'action', 'score', 'next', 'score']
    head += ['nearest clip'] * has_neighbours + ['label'] * bool(labelled)
    texts = [i for i, name in enumerate(head) if name != 'score']
    lines = [table_text(rows, head, texts)]
    own = sum(answer.is_own_neighbour for answer in answers)
    if own:
        lines.append(f'{own} of {len(answers)} clips are in the gallery: the nearest is itself')
    known = [answer for answer in labelled if answer.label in answer.inference.classes]
    if known:
        right = sum(answer.inference.action == answer.label for answer in known)
        share = 100 * right / len(known)
        lines.append(f'right: {right} of {len(known)} clips with a label, {share:.1f} %')
    if len(known) < len(labelled):
        unknown = len(labelled) - len(known)
        lines.append(f'labels that the model cannot give: {unknown} of {len(labelled)}')
    return '\n'.join(lines)


def write_answers(
    answers: Sequence[ClipAnswer], classes: Sequence[str], path: str | os.PathLike
) -> None:
    """Write a ``.csv`` file: a line a clip with ``clip``, ``label``, ``action`` and all scores.

    Raises:
        ValueError: if the file's suffix is another.
    """
    check_answers_path(path)
    with (
        atomic_write(path) as partial,
        partial.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.writer(file)
        writer.writerow(['clip', 'label', 'action', *classes])
        for answer in answers:
            scores = dict(zip(answer.inference.classes, answer.inference.scores))
            values = [scores[name] for name in classes]
            writer.writerow([answer.name, answer.label or '', answer.inference.action, *values])


def check_answers_path(path: str | os.PathLike) -> None:
    """Raise a ValueError unless a file of answers is called ``.csv``."""
    if not os.fspath(path).endswith('.csv'):
        raise ValueError(f'answers are written to a .csv file, got {os.fspath(path)}')


def _number(score: float | None) -> str:
    return '' if score is None else f'{score:.3f}'
