"""Pickles of plain data are read; whatever else is in one is named and does not run."""

import copyreg
import io
import os
import pickle
import pickletools
import struct
from pathlib import Path

import numpy as np
import pytest

from halp_mm.datasets.plain_pickle import load_plain_pickle

PROTOCOLS = [0, 1, 2, 3, 4, 5]


def write(folder: Path, content: bytes) -> Path:
    path = folder / 'a.pkl'
    path.write_bytes(content)
    return path


def assert_equal(ours: object, theirs: object) -> None:
    """Equal in type, value and order, down to the data types of arrays."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_equal(ours[key], theirs[key])
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs):
            assert_equal(one, other)
    elif isinstance(theirs, np.ndarray | np.generic):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_array_equal(ours, theirs, strict=True)
        if theirs.dtype.char != 'g':  # which has bytes that mean nothing
            assert ours.tobytes() == theirs.tobytes()
    else:
        assert ours == theirs


def as_numpy_1(content: bytes) -> bytes:
    """Rename the modules in a pickle of protocol 0 to 3 to what they are in NumPy 1."""
    content = content.replace(b'cnumpy._core.', b'cnumpy.core.')
    assert b'cnumpy.core.' in content
    return content


def arrays() -> dict[str, object]:
    generator = np.random.default_rng(0)
    block = generator.integers(0, 100, size=(2, 3, 4, 5))
    return {
        **{kind: block.astype(kind) for kind in np.typecodes['AllInteger'] + 'efdgFD?'},
        **{f'scalar {kind}': block.astype(kind)[1, 2, 3, 4] for kind in 'bhilBHILefdgFD?'},
        'big endian': block.astype('>f4'),
        'big endian half': block.astype('>f2'),
        'zero-dimensional': np.array(3.5),
        'empty': np.zeros((2, 0, 3), np.float16),
        'Fortran': np.asfortranarray(block),
        'axes swapped': block.transpose(2, 0, 3, 1),
        'not contiguous': block[:, ::2, ::-1],
        'read-only': np.frombuffer(b'12345678', np.float32),
        'not finite': np.array([np.nan, np.inf, -0.0]),
    }


def plain() -> dict:
    shared = np.arange(6.0).reshape(2, 3)
    return {
        **arrays(),
        'shared': [shared, (shared, shared)],
        'others': [1, -(2**70), 1.5, True, None, 'ü', b'\x00\xff', b'', (), [], {}, {3: {(): 1}}][
            :-1
        ],
        1: ('key', {2.5: 'x', None: 'y', b'z': 'z'}),
    }


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_plain_data_come_back_equal(tmp_path, protocol):
    content = pickle.dumps(plain(), protocol)
    loaded = load_plain_pickle(write(tmp_path, content))
    assert_equal(loaded, plain())
    assert loaded['shared'][0] is loaded['shared'][1][0]
    assert not loaded['d'].flags.writeable


@pytest.mark.parametrize('protocol', [0, 1, 2, 3])
def test_written_by_numpy_1(tmp_path, protocol):
    content = pickle.dumps(plain(), protocol)
    assert_equal(load_plain_pickle(write(tmp_path, as_numpy_1(content))), plain())


@pytest.mark.parametrize('protocol', [4, 5])
def test_written_by_numpy_1_with_newer_protocols(tmp_path, protocol):
    content = pickle.dumps(plain(), protocol)
    for name in (b'numpy._core.multiarray', b'numpy._core.numeric'):
        content = content.replace(
            bytes([0x8C, len(name)]) + name, bytes([0x8C, len(name) - 1]) + name.replace(b'_', b'')
        )
    assert b'_core' not in content
    # The frames are shorter now; without their marks a pickle is the same.
    content = without_frames(content)
    assert_equal(load_plain_pickle(write(tmp_path, content)), plain())


def without_frames(content: bytes) -> bytes:
    """Remove the marks of frames, nine bytes each."""
    marks = [at for code, _, at in pickletools.genops(content) if code.name == 'FRAME']
    for at in reversed(marks):
        content = content[:at] + content[at + 9 :]
    return content


def test_containers_that_contain_themselves(tmp_path):
    ring: list = [np.ones(2)]
    ring.append((ring, {'ring': ring}))
    loaded = load_plain_pickle(write(tmp_path, pickle.dumps(ring)))
    assert loaded[1][0] is loaded
    assert loaded[1][1]['ring'] is loaded
    assert loaded[0].tolist() == [1, 1]


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


def op(name: str) -> bytes:
    """A name by the opcode GLOBAL."""
    module, _, attribute = name.rpartition('.')
    return f'c{module}\n{attribute}\n'.encode()


def text(value: str) -> bytes:
    return b'\x8c' + bytes([len(value)]) + value.encode()


def hostile(marker: Path) -> dict[str, tuple[bytes, str]]:
    """Pickles that would make the file ``marker`` if they ran; and what is named of them."""
    command, code = f'touch {marker}', f'__import__("os").mkdir({str(marker)!r})'
    argument = text(command)
    array = np.empty(1, object)
    array[0] = Call(os.system, command)
    cases = {
        'object in an array': (pickle.dumps(array), "data type 'O8'"),
        'INST': (b'(' + argument + b'iposix\nsystem\n.', "'posix.system'"),
        'INST in a dict': (b'}' + text('a') + b'(' + argument + b'ios\nsystem\ns.', "'os.system'"),
        'OBJ': (b'(' + op('os.system') + argument + b'o.', "'os.system'"),
        'GLOBAL': (op('os.system') + argument + b'\x85R.', "'os.system'"),
        'GLOBAL alone': (op('os.system') + b'.', "'os.system'"),
        'STACK_GLOBAL': (
            b'\x80\x04' + text('os') + text('system') + b'\x93' + argument + b'\x85R.',
            "'os.system'",
        ),
        'STACK_GLOBAL of a chain': (
            b'\x80\x04' + text('numpy') + text('f2py.os.system') + b'\x93' + argument + b'\x85R.',
            "'numpy.f2py.os.system'",
        ),
        'NEWOBJ': (b'\x80\x02' + op('subprocess.Popen') + argument + b'\x85\x81.', 'subprocess'),
        'getattr': (
            op('builtins.getattr') + op('os.path') + text('os') + b'\x86R.',
            "'builtins.getattr'",
        ),
        'getattr of Python 2': (op('__builtin__.getattr') + b'.', "'__builtin__.getattr'"),
        'copyreg': (op('copyreg.__newobj__') + op('os.system') + b'.', "'copyreg.__newobj__'"),
        'copy_reg': (op('copy_reg._reconstructor') + b'.', "'copy_reg._reconstructor'"),
        'operator': (op('operator.methodcaller') + b'.', "'operator.methodcaller'"),
        'numpy.load': (op('numpy.load') + b'.', "'numpy.load'"),
        'numpy eval': (op('numpy.testing.runstring') + b'.', "'numpy.testing.runstring'"),
        'BUILD of a name': (
            op('numpy.dtype') + b'N}' + text('__code__') + op('os.system') + b's\x86b.',
            "'os.system'",
        ),
        'BUILD changes a name': (
            op('numpy.ndarray') + b'N}' + text('_build') + b'Ns\x86b.',
            'an attempt to change one of the names',
        ),
        'codec that runs': (
            op('_codecs.encode') + text(code) + text('idna') + b'\x86R.',
            "bytes in the encoding 'idna'",
        ),
        'name within the data': (b'}' + text('a') + op('numpy.ndarray') + b's.', 'a Builder'),
        'key': (b'}' + op('numpy.ndarray') + text('a') + b's.', 'a key that is a Builder'),
        'persistent identity': (b'\x80\x02' + text('x') + b'Q.', 'persistent'),
    }
    for protocol in PROTOCOLS:
        cases |= {
            f'os.system {protocol}': (
                pickle.dumps([{'frame_dir': Call(os.system, command)}], protocol),
                "'posix.system'",
            ),
            f'eval {protocol}': (pickle.dumps(Call(eval, code), protocol), '.eval'),
            f'state {protocol}': (
                pickle.dumps(Call(dict, state=Call(os.system, command)), protocol),
                '.dict',
            ),
        }
    return cases


@pytest.mark.parametrize('case', hostile(Path('marker')))
def test_hostile_pickles_are_named_and_do_not_run(tmp_path, case):
    marker = tmp_path / 'marker'
    content, named = hostile(marker)[case]
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=r'holds|is truncated, damaged or not a pickle') as caught:
        load_plain_pickle(path)
    assert str(path) in str(caught.value)
    assert named in str(caught.value)
    assert not marker.exists()


def test_such_pickles_would_run(tmp_path):
    """The cases above are real: without the restriction the marker is made."""
    for number, case in enumerate(
        ('INST', 'OBJ', 'GLOBAL', 'STACK_GLOBAL', 'os.system 5', 'eval 2')
    ):
        marker = tmp_path / str(number)
        pickle.loads(hostile(marker)[case][0])
        assert marker.exists(), case


@pytest.mark.parametrize('looked_up_before', [False, True])
@pytest.mark.parametrize('opcode', [b'\x82\xf0', b'\x83\xf0\x00', b'\x84\xf0\x00\x00\x00'])
def test_extension_codes(tmp_path, opcode, looked_up_before):
    marker = tmp_path / 'marker'
    content = b'\x80\x02' + opcode + text(f'touch {marker}') + b'\x85R.'
    copyreg.add_extension('os', 'system', 0xF0)
    try:
        if looked_up_before:
            assert pickle.loads(b'\x80\x02' + opcode + b'.') is os.system
        with pytest.raises(ValueError, match=r"holds the name 'os\.system'\. It was not run"):
            load_plain_pickle(write(tmp_path, content))
    finally:
        copyreg.remove_extension('os', 'system', 0xF0)
    assert not marker.exists()
    with pytest.raises(ValueError, match='unregistered extension code 240'):
        load_plain_pickle(write(tmp_path, content))


def stacked(value: object) -> bytes:
    """The opcodes that put a plain value on the stack."""
    return pickle.dumps(value, 2)[2:-1]


FLOAT = (
    op('numpy.dtype')
    + stacked(('f4', False, True))
    + b'R'
    + stacked((3, '<', None, None, None, -1, -1, 0))
    + b'b'
)
EMPTY = (
    op('numpy.core.multiarray._reconstruct')
    + op('numpy.ndarray')
    + stacked((0,))
    + (b'C\x01b\x87R')
)


def state(version: int, shape: tuple, data_type: bytes, data: object) -> bytes:
    return b'(' + stacked(version) + stacked(shape) + data_type + b'\x89' + data + b't'


def short_bytes(data: bytes) -> bytes:
    return b'C' + bytes([len(data)]) + data


def test_the_pieces_make_an_array(tmp_path):
    data = short_bytes(struct.pack('<2f', 1.5, 2.5))
    content = b'\x80\x03' + EMPTY + state(1, (2,), FLOAT, data) + b'b.'
    assert_equal(load_plain_pickle(write(tmp_path, content)), np.array([1.5, 2.5], np.float32))


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (EMPTY + state(1, (3,), FLOAT, short_bytes(bytes(8))) + b'b', r'\(3,\) .* in 8 bytes'),
        (EMPTY + state(1, (1,), FLOAT, short_bytes(bytes(8))) + b'b', r'\(1,\) .* in 8 bytes'),
        (EMPTY + state(1, (-2, -1), FLOAT, short_bytes(bytes(8))) + b'b', r'shape \(-2, -1\)'),
        (EMPTY + state(1, (2**62, 2**62), FLOAT, short_bytes(b'')) + b'b', 'in 0 bytes'),
        (EMPTY + state(1, (0, 2**62, 2**62), FLOAT, short_bytes(b'')) + b'b', 'a.pkl'),
        (EMPTY + state(1, (1,) * 99, FLOAT, short_bytes(bytes(4))) + b'b', 'array of shape'),
        (EMPTY + state(1, (1.0,), FLOAT, short_bytes(bytes(4))) + b'b', 'array of shape'),
        (EMPTY + state(1, (1,), FLOAT, b']') + b'b', 'an array made of a list'),
        (EMPTY + state(1, (1,), b'N', short_bytes(bytes(4))) + b'b', 'an array made of a bytes'),
        (EMPTY + state(2, (1,), FLOAT, short_bytes(bytes(4))) + b'b', 'a state that is not plain'),
        (EMPTY + 2 * (state(1, (1,), FLOAT, short_bytes(bytes(4))) + b'b'), 'not plain'),
        (EMPTY, 'an array without content'),
        (FLOAT, 'a DataType'),
        (op('numpy.ndarray') + stacked(((2**40,),)) + b'R', 'an array made by'),
        (
            op('numpy.core.multiarray._reconstruct') + op('numpy.dtype') + b'K\x00C\x01b\x87R',
            'a kind of its own',
        ),
        (
            op('numpy.core.multiarray._reconstruct')
            + op('numpy.ndarray')
            + stacked((2**60,))
            + b'C\x01b\x87R',
            'an array made by',
        ),
        *(
            (op('numpy.dtype') + stacked((name, False, True)) + b'R', 'not one of numbers')
            for name in ('O8', 'O', 'V8', 'U5', 'S5', 'M8', 'f4,O8', [('a', 'O')], None)
        ),
        (op('numpy.dtype') + stacked(('f3', False, True)) + b'R', 'DataType'),
        (
            op('numpy.dtype') + stacked(('f4', False, True)) + b'R' + stacked((3, '<')) + b'b',
            'a data type of state',
        ),
        (
            op('numpy.dtype')
            + stacked(('f4', False, True))
            + b'R'
            + stacked((3, '|', None, ('a',), {'a': 1}, 16, 1, 27))
            + b'b',
            'a data type of state',
        ),
        (op('numpy.int64') + stacked(('7',)) + b'R', 'a int64 made of a str'),
        (op('__builtin__.bytes') + stacked((10**12,)) + b'R', 'TypeError'),
        (b'\x8f', 'a set'),
    ],
)
def test_builders_cannot_be_abused(tmp_path, content, words):
    path = write(tmp_path, b'\x80\x04' + content + b'.')
    with pytest.raises(ValueError, match=words) as caught:
        load_plain_pickle(path)
    assert str(path) in str(caught.value)


def test_deep_nesting(tmp_path):
    content = b'\x80\x02' + b']' * 100_000 + b'a' * 99_999 + b'.'
    with pytest.raises(ValueError, match=r'a\.pkl .*RecursionError'):
        load_plain_pickle(write(tmp_path, content))


def test_every_truncation_is_one_error(tmp_path):
    for protocol in (2, 4, 5):
        content = pickle.dumps({'a': np.ones((2, 3)), 'b': ['x', 1]}, protocol)
        for length in range(len(content)):
            path = write(tmp_path, content[:length])
            with pytest.raises(ValueError, match='truncated, damaged or not a pickle') as caught:
                load_plain_pickle(path)
            assert f'{path} ({length} bytes)' in str(caught.value)


@pytest.mark.parametrize('content', [b'', b'hello', b'PK\x03\x04', b'\x80\x09', bytes(100)])
def test_not_a_pickle(tmp_path, content):
    with pytest.raises(ValueError, match=r'is truncated, damaged or not a pickle: .* Get the file'):
        load_plain_pickle(write(tmp_path, content))


def test_damaged_bytes_never_do_anything_but_raise_or_load(tmp_path):
    """Whatever a flipped bit makes of a pickle: an error of one kind, or plain data."""
    content = pickle.dumps({'a': np.ones(3, np.float32), 'b': ['x', 1.5]}, 4)
    generator = np.random.default_rng(0)
    errors = []
    for _ in range(500):
        damaged = bytearray(content)
        damaged[generator.integers(len(content))] ^= 1 << generator.integers(8)
        try:
            loaded = load_plain_pickle(write(tmp_path, bytes(damaged)))
        except ValueError as error:
            errors.append(str(error))
        else:
            pickle.dump(loaded, io.BytesIO())
    assert len(errors) > 100
    assert all('a.pkl' in error for error in errors)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no file .*none; expected a pickle'):
        load_plain_pickle(tmp_path / 'none')
