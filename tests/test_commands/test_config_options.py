"""Overrides on the command line."""

import ast
import math
import random

import pytest

from halp_mm.commands.config_options import parse_options, parse_value


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('10', 10),
        ('-1', -1),
        ('1e-3', 0.001),
        ('-inf', -math.inf),
        ('True', True),
        ('false', False),
        ('None', None),
        ('none', None),
        ('kinect_v2', 'kinect_v2'),
        ("'10'", '10'),
        ('007', '007'),
        ('', ''),
        ('my data/clips 1.safetensors', 'my data/clips 1.safetensors'),
        (' data/clips.safetensors', ' data/clips.safetensors'),
        ('runs/a=b.pth', 'runs/a=b.pth'),
        ("it's", "it's"),
        ('1/2', '1/2'),
        ('a-b', 'a-b'),
        ('1,2', [1, 2]),
        ('joint,bone', ['joint', 'bone']),
        ('[joint, bone]', ['joint', 'bone']),
        ("['joint', 'bone']", ['joint', 'bone']),
        ('[bone]', ['bone']),
        ('[a/b.pth, c d.pth]', ['a/b.pth', 'c d.pth']),
        ('[]', []),
        ('(0.1, 1.0)', [0.1, 1.0]),
        ('[[1, 2], [3]]', [[1, 2], [3]]),
        ('[[a/b, 2], (3, c-d)]', [['a/b', 2], [3, 'c-d']]),
        ('["a, b", c/d]', ['a, b', 'c/d']),
        ("[dict(type='Shear', amplitude=0.3)]", [{'type': 'Shear', 'amplitude': 0.3}]),
        ('[dict(type=Shear), dict(type=AxisMask)]', [{'type': 'Shear'}, {'type': 'AxisMask'}]),
        (
            "{'type': 'Shear', 'other': {'a': [1, None]}}",
            {'type': 'Shear', 'other': {'a': [1, None]}},
        ),
        ("__import__('os').getcwd()", "__import__('os').getcwd()"),
    ],
)
def test_values(text, expected):
    found = parse_value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_nan_is_a_number():
    assert math.isnan(parse_value('nan'))


def test_whatever_python_writes_is_read_as_python_reads_it():
    source = random.Random(0)

    def value(depth: int):
        kinds = ['int', 'float', 'text', 'none', 'bool'] + ['list', 'dict'] * (depth < 3)
        match source.choice(kinds):
            case 'int':
                return source.randrange(-99, 99)
            case 'float':
                return source.uniform(-1, 1)
            case 'text':
                return ''.join(source.choice('ab ,=[]{}()"\'\\.') for _ in range(5))
            case 'none':
                return None
            case 'bool':
                return source.random() < 0.5
            case 'list':
                return [value(depth + 1) for _ in range(source.randrange(4))]
            case 'dict':
                return {f'k{i}': value(depth + 1) for i in range(source.randrange(4))}

    for _ in range(300):
        expected = value(0)
        assert parse_value(repr(expected)) == ast.literal_eval(repr(expected)) == expected


def test_options():
    words = ['a.b-c.1=2', 'data_file=my data/x.safetensors', 'a.b-c.1=3']
    assert parse_options(words) == {'a.b-c.1': 3, 'data_file': 'my data/x.safetensors'}


@pytest.mark.parametrize(
    ('word', 'message'),
    [
        ('epoch_1.pth', "'epoch_1.pth' is no KEY=VALUE"),
        ('=3', "'=3' is no KEY=VALUE"),
        ('a..b=3', 'is no KEY=VALUE'),
        ('.a=3', 'is no KEY=VALUE'),
        ('my key=3', 'is no KEY=VALUE'),
        ('a=[1, 2', 'cannot be read: brackets or quotes do not match'),
        ('a=[x/y, (2]', r'cannot be read: a .\). is missing'),
        ('a=[x/y, 2)]', 'that closes nothing'),
        ('a={x/y}', 'cannot be read'),
    ],
)
def test_words_that_are_no_options(word, message):
    with pytest.raises(ValueError, match=message):
        parse_options(['good=1', word])
