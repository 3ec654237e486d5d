"""What the documentation shows works: code, configs, options, commands and paths."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, DictAction

from halp_mm.apis import load_config
from halp_mm.registry import MODELS
from halp_mm.skeletons import LAYOUTS, get_layout
from halp_mm.training_progress import TrainingProgress

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / 'docs').glob('*.md'))
TEXTS = {page.name: page.read_text() for page in [*PAGES, ROOT / 'README.md']}

BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FILE = re.compile(r'# (\S+\.py)\n')
REPOSITORY_PATH = re.compile(r'(?<![\w-])(?:configs|tools|docs|requirements)/[\w./-]+\.\w+')


def blocks(text: str, language: str) -> list[str]:
    return [code for name, code in BLOCK.findall(text) if name == language]


def commands() -> list[list[str]]:
    """The command lines that the pages show, in words."""
    lines = [
        line
        for text in TEXTS.values()
        for block in blocks(text, 'bash')
        for line in block.replace('\\\n', '').splitlines()
    ]
    return [shlex.split(line) for line in lines]


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader's working directory: the configs at hand, own modules importable."""
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    for module in [name for name in sys.modules if name.split('.')[0] == 'my_methods']:
        del sys.modules[module]


def check_config(config: Config) -> None:
    """Build the model at a small size and let it take a step with all heads at work."""
    encoder = config.model.encoder
    if encoder.type == 'BiGRU':
        encoder.update(hidden_size=8, num_layers=1)
    if config.model.type == 'MomentumContrast':
        config.model.queue_size = 256
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    layout = get_layout(encoder.get('layout', 'kinect_v2'))
    batch = {
        'clips': torch.randn(4, encoder.get('num_people', 2), 70, layout.num_joints, 3),
        'num_frames': torch.tensor([70, 68, 66, 40]),
        'labels': torch.zeros(4, dtype=torch.long),
        'indices': torch.arange(4),
        'layout': layout,
        'normalized': False,
    }
    model.set_progress(TrainingProgress(epoch=1000, iteration=1000))
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert any('loss' in name for name in losses)
    assert all(torch.isfinite(value) for value in losses.values())


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_python_blocks_work(page, reader):
    """In order and in one namespace. A block that begins with a file's name is that file."""
    namespace = {}
    for code in blocks(page.read_text(), 'python'):
        file = FILE.match(code)
        if not file:
            exec(compile(code, page.name, 'exec'), namespace)
            continue
        path = reader / file[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
        importlib.invalidate_caches()
        if path.parent.name == 'my_configs':
            check_config(load_config(path))


def test_every_layout_has_a_row_and_a_picture():
    text = TEXTS['layouts.md']
    for name, layout in LAYOUTS.items():
        assert re.search(rf'^\| `{name}` \|.*\| {layout.num_joints} \|', text, re.MULTILINE)
        assert f'![{name}](images/layout_{name}.png)' in text
        assert (ROOT / 'docs' / 'images' / f'layout_{name}.png').stat().st_size > 1000


def test_readme_shows_the_halp_config():
    shown = blocks(TEXTS['README.md'], 'python')[0]
    assert (ROOT / 'configs/halp/bigru_ntu60_xsub.py').read_text().endswith(shown)


def test_readme_begins_with_the_main_job_and_the_tests():
    first, second = blocks(TEXTS['README.md'], 'bash')[:2]
    pip = 'python -m pip install'
    constraints = '-c requirements/constraints.txt'
    opencv = f'{pip} --force-reinstall --no-deps {constraints} opencv-python-headless'
    assert first == f'{pip} {constraints} -e . && {opencv} && python tools/quick_start.py\n'
    assert second == f'{pip} {constraints} -e ".[tests]" && {opencv} && python -m pytest -q\n'


def test_head_options_work():
    heads = re.findall(r"`(dict\(type='\w+Head'.*?\))`", TEXTS['configs.md'])
    assert len(heads) > 10
    for head in heads:
        MODELS.build(eval(head))


def test_every_halp_option_is_documented():
    table = TEXTS['configs.md'].partition("## HaLP's options")[2].partition('\n## ')[0]
    documented = set(re.findall(r'^\| `(\w+)` \|', table, re.MULTILINE))
    known = MODELS.get('HaLPHead').__init__.__code__
    options = set(known.co_varnames[1 : known.co_argcount])
    assert documented == options | {
        *('weight', 'start_epoch', 'end_epoch', 'view', 'streams', 'embedding_dim')
    }


@pytest.mark.parametrize('page', TEXTS)
def test_paths_exist(page):
    paths = set(REPOSITORY_PATH.findall(TEXTS[page]))
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_flags_and_overrides_exist():
    checked = 0
    shared = (ROOT / 'halp_mm/apis/command_line.py').read_text()
    for words in commands():
        if 'python' not in words or not words[words.index('python') + 1].startswith('tools/'):
            continue
        tool, *arguments = words[words.index('python') + 1 :]
        source = (ROOT / tool).read_text() + shared
        flags = [word for word in arguments if word.startswith('--')]
        assert [flag for flag in flags if f"'{flag}'" not in source] == []
        if '--cfg-options' in arguments:
            config = load_config(ROOT / arguments[0])
            for pair in arguments[arguments.index('--cfg-options') + 1 :]:
                key, _, value = pair.partition('=')
                *parents, last = key.split('.')
                place = config
                for part in parents:
                    place = place[int(part)] if part.isdigit() else place[part]
                assert last in place or 'type' in place, f'the config has no {key}'
                config.merge_from_dict({key: DictAction._parse_iterable(value)})
            check_config(config)
        checked += 1
    assert checked > 10
