"""NTU's .skeleton files: parsed as a slow parser does, and refused by line when broken."""

import re

import numpy as np
import pytest

from halp_mm.preparation.ntu.skeleton_file import read_skeleton_file
from tests.raw_ntu import parse_plainly, standing_people, write_clip

NAME = 'S001C001P001R001A001'
BODY = '72057594037931000 0 1 1 1 1 0 0.02764709 0.05745083 2'
JOINT = '0.1 -2.5e-05 3.25 277.4 191.8 1036.2 519.1 -0.2 0.05 0.96 -0.12 2'


def lines_of(*bodies_in_frames: int) -> list[str]:
    """A file with so many bodies in its frames."""
    lines = [str(len(bodies_in_frames))]
    for count in bodies_in_frames:
        lines.append(str(count))
        for body in range(count):
            lines += [BODY.replace('1000 ', f'{1000 + body} ', 1), '25', *[JOINT] * 25]
    return lines


def write(folder, lines, newline='\r\n', end='\r\n'):
    path = folder / f'{NAME}.skeleton'
    path.write_bytes((newline.join(lines) + end).encode())
    return path


def assert_equals_plain_parser(path):
    parsed = read_skeleton_file(path)
    plain = parse_plainly(path)
    seen = [
        (frame, body, xyz) for frame, bodies in enumerate(plain) for body, xyz in bodies.items()
    ]
    assert parsed.num_frames == len(plain)
    assert parsed.frames.tolist() == [frame for frame, _, _ in seen]
    assert parsed.body_ids.tolist() == [body for _, body, _ in seen]
    assert parsed.coordinates.shape == (len(seen), 25, 3)
    assert parsed.coordinates.dtype == np.float32
    assert parsed.coordinates.tobytes() == b''.join(xyz.tobytes() for _, _, xyz in seen)


@pytest.mark.parametrize('people', [1, 2, 3])
@pytest.mark.parametrize('swapped', [False, True])
def test_equals_a_plain_parser(tmp_path, people, swapped):
    clip = standing_people(people, frames=9, seed=people) * 10.0 ** np.arange(-4, 5)[:, None, None]
    clip[0, [0, 4, 8]] = 0
    clip[-1, 4:6] = 0
    path = write_clip(tmp_path, NAME, clip.astype(np.float32), swapped_slots=swapped)
    assert_equals_plain_parser(path)


@pytest.mark.parametrize(
    ('newline', 'end'),
    [
        *[('\n', '\n'), ('\r\n', ''), ('\n', '\n\n \n'), (' \n', ' \n'), ('\n ', '')],
        *[(' \r\n', ' \r\n'), ('\r\n', ' \r\n')],
    ],
)
@pytest.mark.parametrize('space', [' ', '  ', '\t'])
def test_white_space_does_not_matter(tmp_path, newline, end, space):
    lines = [line.replace(' ', space) for line in lines_of(1, 0, 2)]
    assert_equals_plain_parser(write(tmp_path, lines, newline, end))


@pytest.mark.parametrize('counts', [(0,), (0, 0, 0), (1,), (4, 0, 6)])
def test_number_of_bodies(tmp_path, counts):
    assert_equals_plain_parser(write(tmp_path, lines_of(*counts)))


def test_no_frames(tmp_path):
    parsed = read_skeleton_file(write(tmp_path, ['0']))
    assert (parsed.num_frames, len(parsed.frames), parsed.coordinates.shape) == (0, 0, (0, 25, 3))


def test_numbers_that_are_not_needed_are_not_looked_at(tmp_path):
    lines = lines_of(1)
    lines[6] = '0.5 0.25 2 -Infinity NaN -1.#INF x y z . - ?'
    parsed = read_skeleton_file(write(tmp_path, lines))
    assert parsed.coordinates[0, 2].tolist() == [0.5, 0.25, 2]


def test_largest_body_id(tmp_path):
    lines = lines_of(1)
    lines[2] = lines[2].replace('72057594037931000', '9999999999999999999')
    assert read_skeleton_file(write(tmp_path, lines)).body_ids.tolist() == [9999999999999999999]


def changed(number, line, *counts):
    """A file of which one line, counted from 1, is another."""
    lines = lines_of(*(counts or (1, 2)))
    lines[number - 1] = line
    return lines


AGAIN = r'.*[Gg]et .* again'


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        ([''], 'is empty; expected the number of frames'),
        ([' ', '', ' '], 'is empty; expected the number of frames'),
        # Truncated.
        (lines_of(1, 2)[:40], r'ends at line 40 within frame 2 of 2; expected 84 lines'),
        (lines_of(1, 2)[:31], r'ends at line 31 within frame 2 of 2'),
        (lines_of(1, 2)[:30], r'ends at line 30 within frame 2 of 2'),
        (lines_of(1)[:3], r'ends at line 3 within frame 1 of 1'),
        (
            [*lines_of(1)[:-1], '0.1 0.2 0.3 277.4'],
            "line 29: found '0.1 0.2 0.3 277.4'; expected 12",
        ),
        # More frames announced than there are, and fewer.
        (changed(1, '3'), 'has 2 frames; its first line says 3. The file is truncated'),
        (changed(1, '99999999999999'), 'has 2 frames; its first line says 99999999999999'),
        (changed(1, '1'), "line 30: found '2'; expected the end of the file after 1 frames"),
        (['5'], 'has 0 frames; its first line says 5'),
        (changed(1, '-1'), "line 1: found '-1'; expected the number of frames"),
        (changed(1, '2.5'), r"line 1: found '2\.5'; expected the number of frames"),
        (changed(1, '1' * 5000), 'line 1: found .*; expected the number of frames'),
        (changed(30, '3'), 'ends at line 84 within frame 2 of 2'),
        (changed(30, '1'), "line 58: found '7.*'; expected the end of the file after 2 frames"),
        (changed(30, '9' * 18), 'ends at line 84 within frame 2 of 2'),
        (changed(2, '0'), "line 3: found '72.*'; expected the number of bodies"),
        (changed(2, ''), "line 2: found ''; expected the number of bodies"),
        # Joint count.
        (changed(4, '24'), "line 4: found '24'; expected 25, the number of joints"),
        (changed(4, '20', 1), "line 4: found '20'; expected 25, the number of joints"),
        ([*lines_of(1)[:3], '20', *[JOINT] * 20], "line 4: found '20'; expected 25"),
        (
            ['2', '1', BODY, '20', *[JOINT] * 20, '1', BODY, '20', *[JOINT] * 20],
            "line 4: found '20'; expected 25",
        ),
        # Bodies.
        (changed(3, BODY[:-2]), "line 3: found '72.*'; expected 10 numbers of a body"),
        (changed(3, 'x' + BODY), "line 3: found 'x72.*'; expected 10 numbers of a body"),
        (changed(3, '1' * 20 + BODY[17:]), "line 3: found '1.*'; expected 10 numbers of a body"),
        (changed(58, BODY), 'has a body ID twice in a frame'),
        # Joints.
        (changed(12, JOINT[:-2]), r"line 12: found '0\.1 .*'; expected 12 numbers of a joint"),
        (changed(12, JOINT + ' 1'), r"line 12: found '0\.1 .*'; expected 12 numbers of a joint"),
        (changed(12, ''), "line 12: found ''; expected 12 numbers of a joint"),
        (changed(12, 'O' + JOINT[1:]), r"line 12: found 'O\.1 .*'; expected 12 numbers of a joint"),
        (changed(80, 'NaN' + JOINT[3:]), "line 80: found 'NaN .*'; expected 12 .* finite x y z"),
        (changed(80, '-inf' + JOINT[3:]), "line 80: found '-inf .*'; expected 12"),
        (changed(80, '1e39' + JOINT[3:]), "line 80: found '1e39 .*'; expected 12"),
        (changed(80, '1_0' + JOINT[3:]), "line 80: found '1_0 .*'; expected 12"),
        (changed(80, '0.1 0.2 ä' + JOINT[17:]), 'line 80: found .*; expected 12'),
        (['\x89PNG', '\x00\x01'], 'line 1: found .*; expected the number of frames'),
    ],
)
def test_broken_files(tmp_path, lines, message):
    path = write(tmp_path, lines)
    with pytest.raises(ValueError, match=rf'^{re.escape(str(path))}.*{message}') as caught:
        read_skeleton_file(path)
    assert re.search(AGAIN, str(caught.value))
    assert len(str(caught.value).replace(str(path), '')) < 250


def test_damage_at_random_is_refused_or_makes_no_difference(tmp_path):
    generator = np.random.default_rng(0)
    content = '\r\n'.join(lines_of(1, 2)).encode()
    refused = 0
    for _ in range(400):
        damaged = bytearray(content)
        for position in generator.integers(0, len(content), generator.integers(1, 4)):
            damaged[position] = generator.choice(list(b' \n\t0123456789.-eENa_\xff\x00,'))
        path = tmp_path / 'damaged.skeleton'
        path.write_bytes(damaged[: generator.integers(len(content) // 2, 2 * len(content))])
        try:
            read_skeleton_file(path)
        except ValueError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
            refused += 1
            continue
        assert_equals_plain_parser(path)
    assert 100 < refused < 400
