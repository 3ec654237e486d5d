"""Parse a clip of NTU RGB+D: its bodies become people."""

from __future__ import annotations

from halp_mm.preparation.ntu.people import choose_people
from halp_mm.preparation.ntu.skeleton_file import read_skeleton_file
from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles

EMPTY_FRAMES = 'frames with nobody'
SPURIOUS = 'spurious bodies dropped'
SURPLUS = 'bodies of less energy than two others dropped'


def parse_ntu_clip(files: RawFiles) -> Parsed:
    """Read a ``.skeleton`` file and choose the actors.

    Args:
        files: The clip's name and its only file.

    Returns:
        The clip ``[M, T, 25, 3]``; M is 0 if no body is in it.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not as expected.
    """
    people = choose_people(read_skeleton_file(files.paths[0]))
    is_empty = ~people.coordinates.any(axis=(0, 2, 3))
    cleaning = {
        EMPTY_FRAMES: int(is_empty.sum()),
        SPURIOUS: people.spurious,
        SURPLUS: people.surplus,
    }
    return Parsed(files.name, [ParsedClip(files.name, people.coordinates, cleaning=cleaning)])
