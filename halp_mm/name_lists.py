"""Text files of others: lists of names, one a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from halp_mm.problems import listing

#: What files of UTF-16 begin with.
UTF16_MARKS = (b'\xff\xfe', b'\xfe\xff')


def read_text(path: Path, what: str, advice: str = '') -> str:
    """Read a text file in UTF-8.

    Args:
        path: The file.
        what: What it is, such as ``'labels file'``.
        advice: A sentence for a missing file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no {what} {path}{advice and f"; {advice}"}')
    content = path.read_bytes()
    if content.startswith(UTF16_MARKS):
        raise ValueError(f'{path} is UTF-16, not UTF-8. Save it in UTF-8')
    try:
        return content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not UTF-8: {error}. Save it in UTF-8') from error


def read_names(
    path: Path,
    what: str,
    expected: str,
    without: str = '',
    is_name: Callable[[str], bool] = bool,
    has_heading: bool = False,
    is_numbered: bool = False,
) -> list[str]:
    """Read a list of names, one a line.

    Args:
        path: The file.
        what: What it is, such as ``'clip list'``.
        expected: What stands on each line, such as ``'the name of a class'``.
        without: What to do without such a file.
        is_name: Whether a line is a name.
        has_heading: Whether lines that are no names may come first.
        is_numbered: Whether a name's line is its number, so that only the last lines may be blank.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a line is no name, a name is there twice, or there is none.
    """
    text = read_text(path, what, f'expected {expected} on each line{without and f". {without}"}')
    names = [line.strip() for line in text.rstrip().splitlines()]
    first = next((i for i, name in enumerate(names) if is_name(name)), None)
    if first is None:
        raise ValueError(
            f'{what} {path} has no name; expected {expected} on each line'
            f'{without and f". {without}"}'
        )
    start = first if has_heading else 0
    lines = [i for i in range(start, len(names)) if names[i] or is_numbered]
    wrong = next((i for i in lines if not is_name(names[i])), None)
    if wrong is not None:
        found = f'found {names[wrong][:60]!r}' if names[wrong] else 'it is empty'
        raise ValueError(
            f'{what} {path}, line {wrong + 1}: {found}; expected {expected}. Correct the line'
        )
    kept = [names[i] for i in lines]
    twice = [name for name, count in Counter(kept).items() if count > 1]
    if twice:
        raise ValueError(
            f'{what} {path} has {len(twice)} names more than once{listing(twice, 3)}; expected '
            'each once. Remove the repetitions'
        )
    return kept
