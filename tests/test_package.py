"""What is installed: the wheel's files and metadata, its requirements, the index of the configs."""

import email
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from halp_mm.version import __version__
from tests.runs import ROOT, environment

BUILD = 'import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])'


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel, built in a copy, as building leaves files behind."""
    folder = tmp_path_factory.mktemp('wheel')
    copy = folder / 'copy'
    copy.mkdir()
    for name in ('configs', 'halp_mm', 'requirements', 'tools'):
        clutter = shutil.ignore_patterns('__pycache__')
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=clutter)
    for path in ROOT.glob('*'):
        if path.is_file():
            shutil.copy(path, copy)
    done = subprocess.run(
        [sys.executable, '-c', BUILD, str(folder)],
        cwd=copy,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob('*.whl')
    assert path.name == f'halp_mm-{__version__}-py3-none-any.whl'
    return zipfile.ZipFile(path)


def test_the_wheel_has_all_files_and_no_others(wheel):
    """The package, configs and tools, as real files."""
    expected = {
        path.relative_to(ROOT).as_posix(): path
        for path in (ROOT / 'halp_mm').rglob('*')
        if path.is_file() and not {'__pycache__', '.mim'} & set(path.relative_to(ROOT).parts)
    }
    for name in ('configs', 'tools'):
        for path in (ROOT / name).rglob('*'):
            if path.is_file() and '__pycache__' not in path.parts:
                expected[f'halp_mm/.mim/{path.relative_to(ROOT).as_posix()}'] = path
    expected['halp_mm/.mim/model-index.yml'] = ROOT / 'model-index.yml'
    names = {name for name in wheel.namelist() if '.dist-info/' not in name}
    assert names == set(expected)
    assert 'halp_mm/py.typed' in names
    for name in ('halp_mm/.mim/model-index.yml', 'halp_mm/.mim/tools/train.py'):
        assert wheel.read(name) == expected[name].read_bytes()


def test_metadata(wheel):
    info = f'halp_mm-{__version__}.dist-info'
    metadata = email.message_from_bytes(wheel.read(f'{info}/METADATA'))
    for key in ('Summary', 'Author', 'Keywords', 'Requires-Python'):
        assert metadata[key], key
    assert metadata['License-Expression'] == 'Apache-2.0'
    assert wheel.read(f'{info}/licenses/LICENSE') == (ROOT / 'LICENSE').read_bytes()
    assert 'Typing :: Typed' in metadata.get_all('Classifier')
    required = {line for line in metadata.get_all('Requires-Dist') if 'extra ==' not in line}
    names = {re.match(r'[\w-]+', line)[0] for line in required}
    assert {'torch', 'mmengine', 'opencv-python-headless'} <= names
    assert b'halp-mm = halp_mm.commands.main:main' in wheel.read(f'{info}/entry_points.txt')


def test_the_empty_opencv_is_of_the_tested_version():
    pins = (ROOT / 'requirements/constraints.txt').read_text(encoding='utf-8')
    stand_in = (ROOT / 'requirements/opencv-python/pyproject.toml').read_text(encoding='utf-8')
    (version,) = re.findall(r'^opencv-python-headless==(.+)$', pins, re.MULTILINE)
    assert f'\nopencv-python=={version}\n' in pins
    assert f'\nversion = "{version}"\n' in stand_in
    assert f'"opencv-python-headless=={version}"' in stand_in


def test_the_oldest_versions_are_the_first_that_are_required():
    """But for PyTorch, which the tests with the oldest versions keep as it is."""
    lines = [
        line
        for name in ('runtime', 'optional')
        for line in (ROOT / f'requirements/{name}.txt').read_text(encoding='utf-8').splitlines()
    ]
    required = dict(re.match(r'([\w-]+)>=([\d.]+)', line).groups() for line in lines)
    oldest = (ROOT / 'requirements/oldest.txt').read_text(encoding='utf-8')
    pins = dict(re.findall(r'^([\w-]+)==(.+)$', oldest, re.MULTILINE))
    assert set(pins) == set(required) - {'torch', 'tensorboard', 'wandb'}
    for name, version in pins.items():
        assert f'{version}.'.startswith(f'{required[name]}.')


def test_model_index_is_current():
    """Otherwise: ``python docs/write_model_index.py``."""
    written = runpy.run_path(str(ROOT / 'docs' / 'write_model_index.py'))['files']()
    for path, text in written.items():
        assert path.read_text(encoding='utf-8') == text, path
    assert len(list((ROOT / 'configs').glob('*/metafile.yml'))) == len(written) - 1


def test_model_index_lists_every_config_and_only_files_that_exist():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    benchmarks = (ROOT / 'docs' / 'benchmarks.md').read_text(encoding='utf-8')
    listed = []
    for name in index['Import']:
        content = yaml.safe_load((ROOT / name).read_text(encoding='utf-8'))
        (collection,) = content['Collections']
        assert (ROOT / collection['README']).is_file()
        for model in content['Models']:
            assert model['In Collection'] == collection['Name']
            listed.append(model['Config'])
            for results in model.get('Results', []):
                for value in results['Metrics'].values():
                    assert f' {value} ± ' in benchmarks, model['Name']
    configs = [p.relative_to(ROOT).as_posix() for p in (ROOT / 'configs').rglob('*.py')]
    no_methods = ('configs/_base_/', 'configs/benchmark/')
    assert sorted(listed) == sorted(name for name in configs if not name.startswith(no_methods))
    assert all(Path(ROOT, name).is_file() for name in listed)
