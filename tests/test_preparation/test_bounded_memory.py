"""Small files that would take much memory."""

import tracemalloc

import pytest

from halp_mm.preparation import RawFiles
from halp_mm.preparation.folder.clip_files import parse_clip_file
from halp_mm.preparation.ntu.source import NTUSource


def peak(parse, path, message):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            parse(RawFiles(path.stem, (path,)))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_million_empty_frames(tmp_path):
    path = tmp_path / 'S001C001P001R001A001.skeleton'
    path.write_text('1000000\n' + '0\n' * 10**6)
    message = 'line 1: found 1000000 frames; expected at most 100000'
    assert peak(NTUSource.parse, path, message) < 20e6


def test_two_lines_a_million_frames_apart(tmp_path):
    path = tmp_path / 'clip.csv'
    numbers = ','.join(['1.5'] * 75)
    path.write_text(f'frame,person,x\n0,0,{numbers}\n999999,0,{numbers}\n')
    message = 'has 2 lines for 1000000 frames'
    assert peak(parse_clip_file, path, message) < 20e6
