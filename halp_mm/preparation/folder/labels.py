"""Labels and splits of one's own clips: a CSV file.

Its header names the columns, in any order: ``name,label,split`` and further ones, which hold
integers, or names such as ``anna``, which are numbered from 1 in alphabetical order. ``name`` is a
clip's file without its suffix, with its subfolder if it is in one.
``split`` is empty, a split, or several with ``;`` or spaces between them.

A label is the name of a class, or empty for a clip without one. The classes are

- those in the classes file, one a line, if it is given. Labels may then be line numbers of that
  file, counted from 0, if no class has a number for a name;
- else, if all labels are integers, those that occur, in ascending order. If they have no gaps from
  0 on, labels stay unchanged; otherwise classes are numbered anew and named after the labels;
- else the labels' names, sorted.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from halp_mm.datasets.class_numbers import number_classes
from halp_mm.name_lists import read_names, read_text
from halp_mm.preparation.source import ClipFacts
from halp_mm.problems import BAD_LABEL, Problem, listing, problem_lines

_NEEDED = ('name', 'label', 'split')
_RESERVED = ('clip', 'splits', 'self')  # ClipWriter.add has arguments of these names
_INTEGER = re.compile(r'[+-]?\d{1,18}')
_LARGEST_LABEL = 9999


@dataclass
class Labels:
    """What a labels file says.

    Args:
        clips: What is known of each clip, by name.
        class_names: The classes.
        class_of_label: The class of each integer label, if no file names the classes.
        numbered: The numbers of names, by the columns that have names.
        bad: Names of clips whose rows are bad.
        problems: What is wrong with rows.
    """

    clips: dict[str, ClipFacts] = field(default_factory=dict)
    class_names: list[str] = field(default_factory=list)
    class_of_label: dict[int, int] = field(default_factory=dict)
    numbered: dict[str, dict[str, int]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find_labels(folder: Path) -> Path | None:
    """The labels file ``labels.csv`` in a folder of clips; None if there is none.

    A clip may have this name too, but its header is another.
    """
    path = folder / 'labels.csv'
    try:
        (_, header), *_ = _read_rows(path)
    except (OSError, ValueError):  # none at all, or a clip
        return None
    return path if {cell.strip() for cell in header} >= {*_NEEDED} else None


def read_labels(path: Path, classes: Path | None = None) -> Labels:
    """Read a labels file.

    A row that is not as expected becomes a problem. The first of several rows of a clip counts.

    Args:
        path: The labels file.
        classes: The classes file.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if it is no CSV file of UTF-8, its header is not as expected, or there is no
            good row; or if the classes file is not as expected.
    """
    class_names = None
    if classes is not None:
        class_names = read_names(classes, 'classes file', 'the name of a class', is_numbered=True)
    (_, header), *rows = _read_rows(path) or [(1, [])]
    header = [cell.strip() for cell in header]
    _check_header(path, header)
    rows_of = [dict(zip(header, [cell.strip() for cell in cells])) for _, cells in rows]
    labels = Labels(numbered=_number_names(header, rows_of))
    good: dict[str, tuple[int, dict[str, str]]] = {}
    for (line, cells), row in zip(rows, rows_of):
        wrong = _what_is_wrong(cells, header, row, labels.numbered)
        if wrong is not None:
            labels.bad += [row['name']] if row.get('name') else []
        elif row['name'] in good:
            wrong = f'clip {row["name"]!r} stands in line {good[row["name"]][0]} too; expected once'
        else:
            good[row['name']] = line, row
        if wrong is not None:
            text = f'{path}, line {line}: {wrong}. Correct the line'
            labels.problems.append(Problem(BAD_LABEL, text))
    if not good:
        raise ValueError(
            '\n'.join([f'{path} has no good row', *problem_lines(labels.problems)])
            + '\nExpected a line name,label,split for each clip'
        )
    if class_names is None:
        given = [row['label'] for _, row in good.values() if row['label']]
        if all(map(_INTEGER.fullmatch, given)):
            numbers = (int(label) for label in given)
            labels.class_of_label = number_classes(n for n in numbers if 0 <= n <= _LARGEST_LABEL)
            class_names = list(map(str, labels.class_of_label))
        else:
            class_names = sorted(set(given))
    labels.class_names = class_names
    for name, (line, row) in good.items():
        label = _find_class(row['label'], class_names)
        if label is None and row['label']:
            labels.bad.append(name)
            text = (
                f'{path}, line {line}: found label {row["label"][:60]!r}; expected '
                f'{_what_is_a_label(class_names, classes)}. Correct the line'
            )
            labels.problems.append(Problem(BAD_LABEL, text))
        else:
            splits = tuple(dict.fromkeys(re.findall(r'[^;\s]+', row['split'])))
            columns = {
                key: labels.numbered[key][row[key]] if key in labels.numbered else int(row[key])
                for key in header
                if key not in _NEEDED
            }
            labels.clips[name] = ClipFacts(label, splits, columns)
    return labels


def _find_class(label: str, class_names: list[str]) -> int | None:
    """The position of a label in the list of classes; None if it is not there, or empty."""
    if label in class_names:
        return class_names.index(label)
    if not _INTEGER.fullmatch(label):
        return None
    number = int(label)  # 7 is written 007 by some
    if any(map(_INTEGER.fullmatch, class_names)):
        return class_names.index(str(number)) if str(number) in class_names else None
    return number if 0 <= number < len(class_names) else None


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, with the numbers of the lines where they end."""
    # Any kind of line end; none of them is left.
    reader = csv.reader(io.StringIO(read_text(path, 'labels file'), newline=None), strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise ValueError(
            f'{path}, line {reader.line_num}: {error}; expected a CSV file with columns '
            'name,label,split. Correct the line'
        ) from error


def _check_header(path: Path, header: Sequence[str]) -> None:
    missing = [column for column in _NEEDED if column not in header]
    if missing and len(header) == 1 and ';' in header[0]:
        raise ValueError(
            f'{path} has semicolons between its cells: {header[0][:60]!r}; expected commas. Save '
            'it as CSV with commas; only splits in the column split have semicolons between them'
        )
    if missing:
        raise ValueError(
            f'{path} has the columns {list(header)[:20]}; expected name, label and split, with '
            f'commas between them, and {", ".join(missing)} missing. Add a first line such as '
            'name,label,split'
        )
    twice = [column for column, count in Counter(header).items() if count > 1]
    if twice or '' in header:
        raise ValueError(
            f'{path} has columns without a name or of the same name: {list(header)[:20]}; expected '
            'each column to have its own name. Correct the first line'
        )
    reserved = [column for column in header if column in _RESERVED]
    if reserved:
        raise ValueError(
            f'{path} has a column {reserved[0]!r}; expected a name other than '
            f'{", ".join(_RESERVED)}. Correct the first line'
        )


def _number_names(
    header: Sequence[str], rows: Sequence[dict[str, str]]
) -> dict[str, dict[str, int]]:
    """The numbers of the names in columns that hold names only: every cell has a letter."""
    numbered = {}
    for key in header:
        names = {row[key] for row in rows if row.get(key)}
        if key not in _NEEDED and names and all(any(map(str.isalpha, name)) for name in names):
            numbered[key] = {name: number for number, name in enumerate(sorted(names), 1)}
    return numbered


def _what_is_wrong(
    cells: Sequence[str],
    header: Sequence[str],
    row: dict[str, str],
    numbered: Mapping[str, Mapping[str, int]],
) -> str | None:
    if len(cells) != len(header):
        return f'found {len(cells)} cells; expected {len(header)}, one a column'
    for key in ('name', 'label'):
        if '\n' in row[key] or (key == 'name' and not row[key]):
            return f'found {key} {row[key][:60]!r}; expected a {key} on one line'
    for key in header:
        if key in numbered:
            if not row[key]:
                return f'found {key} {row[key]!r}; expected a name'
        elif key not in _NEEDED and not _INTEGER.fullmatch(row[key]):
            return f'found {key} {row[key][:60]!r}; expected an integer'
    return None


def _what_is_a_label(class_names: Sequence[str], classes: Path | None) -> str:
    if classes is not None:
        return f'a class of {classes}{listing(class_names, 5)}'
    return f'integers from 0 to {_LARGEST_LABEL}, or names'
