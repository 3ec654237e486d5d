"""Files that are written whole or not at all."""

import os
import stat

import pytest

from halp_mm.atomic_write import atomic_write
from halp_mm.datasets import ClipWriter


def test_the_older_file_stays_until_the_end(tmp_path):
    path = tmp_path / 'new' / 'report.json'
    for text in ('one', 'two'):
        before = path.read_text(encoding='utf-8') if path.exists() else None
        with atomic_write(path) as partial:
            partial.write_text(text, encoding='utf-8')
            assert (path.read_text(encoding='utf-8') if path.exists() else None) == before
        assert path.read_text(encoding='utf-8') == text
    with pytest.raises(FileNotFoundError), atomic_write(path):
        pass  # without having written
    assert path.read_text(encoding='utf-8') == 'two'
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='needs pipes')
def test_a_pipe_or_folder_is_not_replaced(tmp_path):
    """Nor is a device: a result once took the place of /dev/full."""
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'folder').mkdir()
    for name, kind in (('pipe', 'a device or pipe'), ('folder', 'a folder')):
        path = tmp_path / name
        expected = f'cannot write {path}: it is {kind}; expected the name of a file'
        with pytest.raises(OSError, match=expected), atomic_write(path):
            pass
        with pytest.raises(OSError, match=expected), ClipWriter(path, 'kinect_v2', [], 'x'):
            pass
    assert stat.S_ISFIFO((tmp_path / 'pipe').stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['folder', 'pipe']
