"""What all sources have in common, shown with one that is made here."""

import json
import subprocess
import sys

import numpy as np
import pytest

from halp_mm.datasets import ClipStorage
from halp_mm.preparation import (
    BadDataError,
    ClipFacts,
    Parsed,
    ParsedClip,
    RawFiles,
    Source,
    find_files,
    prepare,
)
from halp_mm.registry import SOURCES
from tests.runs import environment


class Numbers(Source):
    """Files with a number; the number is what all coordinates are, and -1 is a mistake."""

    name, layout, class_names = 'numbers', 'kinect_v2', ('even', 'odd')

    def __init__(self, folder):
        self.folder = folder

    def recordings(self, summary):
        return [RawFiles(path.stem, (path,)) for path in find_files(self.folder, {'.txt'})]

    @staticmethod
    def parse(files):
        (path,) = files.paths
        number = int(path.read_text())
        if number < 0:
            raise ValueError(f'{path} holds {number}; expected 0 or more')
        clip = np.full((2, 3, 25, 3), number, np.float32)
        return Parsed(files.name, [ParsedClip(files.name, clip, {'number': number}, {'seen': 1})])

    def facts(self, clip):
        number = clip.facts['number']
        return ClipFacts(number % 2 if number != 9 else 7, ['all'], {'number': number})


@pytest.fixture
def folder(tmp_path):
    for name, number in (('a', 3), ('b', 4), ('._a', 5), ('.hidden/c', 5), ('__MACOSX/d', 5)):
        path = tmp_path / 'raw' / f'{name}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    return tmp_path / 'raw'


def test_a_source_of_ones_own(folder, tmp_path):
    summary = prepare(Numbers(folder), tmp_path / 'out', workers=1)
    storage = ClipStorage(tmp_path / 'out')
    assert storage.names == ['a', 'b']
    assert storage.labels.tolist() == [1, 0]
    assert storage.columns['number'].tolist() == [3, 4]
    assert (storage.clip(0) == 3).all()
    assert storage.notes['classes'] == summary.classes == {'even': 1, 'odd': 1}
    assert 'seen: 2 in 2 clips: a (1), b (1)' in str(summary)


def test_bad_recordings_and_clips(folder, tmp_path):
    for name, number in (('c', -1), ('d', 0), ('e', 9)):  # refused, nobody seen, no such label
        (folder / f'{name}.txt').write_text(str(number))
    with pytest.raises(BadDataError, match='raw data with 2 problems') as caught:
        prepare(Numbers(folder), tmp_path / 'out', workers=1)
    texts = [problem.text for problem in caught.value.problems]
    assert texts[0] == f'{folder / "c.txt"} holds -1; expected 0 or more'
    expected = "clip 'e' has label 7; expected 0 to 1, or None of a clip without a label"
    assert texts[1] == f'{folder / "e.txt"}: {expected}'
    summary = prepare(Numbers(folder), tmp_path / 'out', workers=1, skip_bad=True)
    assert ClipStorage(tmp_path / 'out').names == ['a', 'b']
    assert summary.left_out == {'bad': ['c', 'e'], 'nobody is seen in any frame': ['d']}


def test_any_source_is_converted(folder, tmp_path):
    summary = prepare(Numbers(folder), tmp_path / 'out', workers=1, to_layout='kinect_v1')
    storage = ClipStorage(tmp_path / 'out')
    assert storage.layout.name == summary.layout == 'kinect_v1'
    assert storage.clip(0).shape == (2, 3, 20, 3)
    assert storage.notes['layout_conversions'][0]['from'] == 'kinect_v2'


def test_sources_are_registered():
    source = SOURCES.build({'type': 'NTUSource', 'raw': 'raw', 'dataset': 'ntu60'})
    assert (source.name, len(source.class_names)) == ('ntu60', 60)
    assert {'PKUSource', 'FolderSource', 'AnnotationSource', 'MSRAction3DSource'} <= set(
        SOURCES.module_dict
    )


WORKER = """
import json, sys
from halp_mm.preparation.parallel_parsing import _make_shard
from halp_mm.preparation.ntu.clip import parse_ntu_clip
from halp_mm.preparation.pku.video import parse_pku_video
from halp_mm.preparation.folder.clip_files import parse_clip_file
from halp_mm.preparation.msr_action3d.clip import parse_msr_clip
print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))
"""

SCRIPT = """
import sys
from pathlib import Path
import torch
from halp_mm.preparation import Parsed, RawFiles
from halp_mm.preparation import parallel_parsing
from halp_mm.preparation.parallel_parsing import parse_files
from loaded_modules import parse

parallel_parsing.WORTH_HELP = 0
names = [RawFiles(str(i), ()) for i in range(4)]
for parsed in parse_files(parse, names, Path('parts'), 1, workers=2):
    print(*(problem.text for problem in parsed.problems))
"""

LOADED = """
import sys
from halp_mm.preparation import Parsed, Problem

def parse(files):
    heavy = {'torch', 'mmengine', 'matplotlib', 'scipy'} & set(sys.modules)
    return Parsed(files.name, [], [Problem('x', f'loaded: {sorted(heavy)}')])
"""


def test_what_workers_import_is_light():
    done = subprocess.run(
        [sys.executable, '-c', WORKER],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout)
    assert 'numpy' in loaded
    assert not {'torch', 'mmengine', 'matplotlib', 'scipy'} & set(loaded)


def test_workers_do_not_import_the_callers_script(tmp_path):
    """The script has no guard: were it imported, each worker would start workers."""
    (tmp_path / 'script.py').write_text(SCRIPT)
    (tmp_path / 'loaded_modules.py').write_text(LOADED)
    done = subprocess.run(
        [sys.executable, 'script.py'],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    # The caller begins, and the helper is given the next one.
    assert (len(lines), lines[:2]) == (4, ["loaded: ['torch']", 'loaded: []']), done.stderr
