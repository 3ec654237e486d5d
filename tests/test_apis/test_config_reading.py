"""Config files that cannot be read."""

import pytest

from halp_mm.apis import load_config


@pytest.mark.parametrize(
    ('text', 'kind', 'message'),
    [
        (
            'model = dict(',
            ValueError,
            r"mine\.py or a config .* is no Python: '\(' was .* \(line 1",
        ),
        (
            'x = 1\ny = z',
            ValueError,
            r"cannot .* NameError: name 'z' is .* \(\S+mine\.py, line 2\)",
        ),
        ('open("/nothing")', FileNotFoundError, r"cannot .*'/nothing' \(\S+mine\.py, line 1\)"),
        (
            '_base_ = "other.py"',
            FileNotFoundError,
            r'mine\.py inherits a config .*/other\.py\. Cor',
        ),
        ('_base_ = "mine.py"', ValueError, r'mine\.py inherits itself'),
        ('_base_ = [1]', ValueError, r'mine\.py cannot be read as a config: AttributeError'),
    ],
)
def test_one_line(text, kind, message, tmp_path):
    (tmp_path / 'mine.py').write_text(text)
    with pytest.raises(kind, match=message) as raised:
        load_config(tmp_path / 'mine.py')
    assert '\n' not in str(raised.value)


def test_no_python_file(tmp_path):
    (tmp_path / 'notes.md').write_text('x')
    with pytest.raises(ValueError, match=r'notes\.md cannot be read as a config: OSError: Only py'):
        load_config(tmp_path / 'notes.md')
