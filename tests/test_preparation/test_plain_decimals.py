"""Numbers read at once, against ``float`` one by one."""

import numpy as np
import pytest

from halp_mm.preparation.ntu.plain_decimals import WIDTH, read_plain_decimals


def read(words: list[str], before: str = ' ' * WIDTH) -> np.ndarray | None:
    text = before + ' '.join(words) + '\n'
    characters = np.frombuffer(text.encode(), np.uint8)
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    ends = len(before) + np.cumsum(lengths + 1) - 1
    return read_plain_decimals(characters, ends - lengths, ends)


def random_words(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    words = []
    for _ in range(count):
        digits = ''.join(rng.choice(list('0123456789'), rng.integers(1, WIDTH - 1)))
        point = rng.integers(0, len(digits) + 2)
        word = digits if point > len(digits) else f'{digits[:point]}.{digits[point:]}'
        words.append(('-' if rng.random() < 0.5 else '') + word)
    return [word for word in words if len(word) <= WIDTH]


def test_random_words():
    words = random_words(20_000)
    values = read(words)
    assert values.dtype == np.float64
    assert np.array_equal(values, [float(word) for word in words])


@pytest.mark.parametrize(
    'word', ['0', '-0', '7', '.5', '5.', '-.5', '0.000000000001', '9999999999999999', '-1.5', '007']
)
def test_single_words(word):
    assert read([word]).tolist() == [float(word)]


@pytest.mark.parametrize('between', ['.', '-', '9', 'x', '1.2.3 '])
def test_neighbours_do_not_matter(between):
    assert read(['1.25'], before=' ' * WIDTH + between).tolist() == [1.25]


@pytest.mark.parametrize(
    'word',
    [
        *(
            '',
            '-',
            '.',
            '-.',
            '--1',
            '1-',
            '1.2.3',
            '..',
            '+1',
            '1e3',
            '1e-05',
            'inf',
            'nan',
            '1_0',
        ),
        *('1,5', '0x1', '1\r', '½', '1' * (WIDTH + 1)),
    ],
)
def test_others_are_left_to_others(word):
    assert read(['1.5', word, '2.5']) is None


def test_nothing_and_the_beginning_of_a_text_are_left_to_others():
    assert read([]) is None
    assert read(['1.5'], before='') is None
