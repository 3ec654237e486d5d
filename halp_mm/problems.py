"""Problems with data, listed by kind and limited in length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MAX_LISTED = 20

BAD_FILE = 'bad files'
BAD_NAME = 'files whose names are not as expected'
DUPLICATE = 'files of clips that have another file'
NO_PARTNER = 'files without a partner'
BAD_LABEL = 'bad labels'
BAD_SPLIT = 'bad splits'
BAD_CLIP = 'bad clips'

#: Reasons to skip clips.
BAD = 'bad'
NOBODY = 'nobody is seen in any frame'

#: Advice for each kind of problem; the texts of other kinds contain it themselves.
ADVICE = {
    BAD_FILE: 'get the bad files again',
    BAD_NAME: 'rename or remove the files whose names are not as expected',
    DUPLICATE: 'remove one of two files of a clip',
    NO_PARTNER: 'complete or remove the files without a partner',
    BAD_LABEL: 'correct the labels',
    BAD_SPLIT: 'correct the splits',
    BAD_CLIP: 'correct the clips',
}


class Problem(NamedTuple):
    """A problem with the data.

    Args:
        kind: The kind, such as :data:`BAD_LABEL`.
        text: Location, finding, expectation and advice.
    """

    kind: str
    text: str


class BadDataError(ValueError):
    """Bad data; the message lists the problems by kind, with advice.

    Args:
        problems: All problems.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        kinds = dict.fromkeys(kind for kind, _ in self.problems)
        advice = [ADVICE[kind] for kind in kinds if kind in ADVICE]
        closing = ', '.join([*advice, 'or skip them with --skip-bad'])
        lines = [f'raw data with {len(self.problems)} problems:', *problem_lines(self.problems)]
        super().__init__('\n'.join([*lines, closing[:1].upper() + closing[1:]]))


class BadClipError(ValueError):
    """A clip that cannot be used; the message is one line, also of a data loader's worker.

    PyTorch raises the error of a worker once more, with its traceback for a message.

    Args:
        message: What is wrong.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message.rpartition(f'{type(self).__name__}: ')[2].rstrip('\n'))


def problem_lines(problems: Sequence[Problem], max_listed: int = MAX_LISTED) -> list[str]:
    """List the problems of each kind under the kind's name, up to a limit.

    Args:
        problems: All problems.
        max_listed: Maximum number to list of each kind; the rest is counted.
    """
    texts: dict[str, list[str]] = {}
    for kind, text in problems:
        texts.setdefault(kind, []).append(text)
    lines = []
    for kind, found in texts.items():
        lines.append(f'  {len(found)} {kind}:')
        lines += [f'    {text}' for text in found[:max_listed]]
        if len(found) > max_listed:
            lines.append(f'    and {len(found) - max_listed} more')
    return lines


def listing(names: Sequence[str], max_listed: int = MAX_LISTED) -> str:
    """List names, such as ``': a, b and 3 more'``; empty without names."""
    more = f' and {len(names) - max_listed} more' if len(names) > max_listed else ''
    return f': {", ".join(names[:max_listed])}{more}' if names else ''
