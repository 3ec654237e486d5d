"""What the documentation shows works: code, configs, options, commands and paths."""

import importlib
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from halp_mm.apis import load_config
from halp_mm.commands.main import COMMANDS
from halp_mm.models.pretrainers.head_term import build_head
from halp_mm.registry import MODELS
from halp_mm.skeletons import LAYOUTS, get_layout
from halp_mm.training_progress import TrainingProgress
from tests.runs import command_called_by

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / 'docs').glob('*.md')), ROOT / 'CONTRIBUTING.md']
TEXTS = {page.name: page.read_text() for page in [*PAGES, ROOT / 'README.md']}

BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FILE = re.compile(r'# (\S+\.py)\n')
REPOSITORY_PATH = re.compile(r'(?<![\w-])(?:configs|tools|docs|requirements)/[\w./-]+\.\w+')


def blocks(text: str, language: str) -> list[str]:
    return [code for name, code in BLOCK.findall(text) if name == language]


def commands() -> list[list[str]]:
    """The command lines that the pages show, in words; 0 where the shell puts something in."""
    lines = [
        line
        for text in TEXTS.values()
        for block in blocks(text, 'bash')
        for line in block.replace('\\\n', '').splitlines()
    ]
    return [shlex.split(re.sub(r'\$\(.*?\)|\$\w+', '0', line)) for line in lines]


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
    if config.model.type == 'Pretrainer':
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
        'progress': TrainingProgress(epoch=1000, iteration=1000),
    }
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    total, _ = model.parse_losses(losses)
    assert total.requires_grad
    assert all(torch.isfinite(value) for value in losses.values())


@pytest.mark.parametrize(
    'page',
    [page for page in PAGES if blocks(TEXTS[page.name], 'python')],
    ids=lambda page: page.name,
)
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


def test_notebook_is_the_page():
    """Otherwise: ``python docs/write_notebook.py``."""
    written = (ROOT / 'docs' / 'notebook.ipynb').read_text(encoding='utf-8')
    assert written == runpy.run_path(str(ROOT / 'docs' / 'write_notebook.py'))['notebook_text']()
    cells = [cell for cell in json.loads(written)['cells'] if cell['cell_type'] == 'code']
    assert [''.join(cell['source']) + '\n' for cell in cells] == blocks(
        TEXTS['notebook.md'], 'python'
    )


def test_readme_shows_the_halp_config():
    shown = blocks(TEXTS['README.md'], 'python')[0]
    assert (ROOT / 'configs/_base_/methods/halp.py').read_text().endswith(shown)


def test_readme_begins_with_the_main_job_and_the_tests():
    first, second = blocks(TEXTS['README.md'], 'bash')[:2]
    install = 'python -m pip install -r requirements/tested.txt -e'
    assert first == f'{install} . && python tools/quick_start.py\n'
    assert second == f'{install} ".[tests]" && python -m pytest -q\n'


def test_options_of_the_papers_variants_work():
    table = TEXTS['configs.md'].partition("### The paper's variants")[2].partition('\n### ')[0]
    options = re.findall(r'\| `(\w+=.*?)` \|$', table, re.MULTILINE)
    assert len(options) > 10
    for option in options:
        build_head('halp', eval(f"dict(type='HaLPHead', {option})"), ['joint'])


def test_every_halp_option_is_documented():
    table = TEXTS['configs.md'].partition("## HaLP's options")[2].partition('\n## ')[0]
    documented = set(re.findall(r'^\| `(\w+)` \|', table, re.MULTILINE))
    known = MODELS.get('HaLPHead').__init__.__code__
    options = set(known.co_varnames[1 : known.co_argcount])
    assert documented == options | {'weight', 'start_epoch'}


@pytest.mark.parametrize('page', TEXTS)
def test_paths_exist(page):
    paths = set(REPOSITORY_PATH.findall(TEXTS[page]))
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def command_of(words: list[str]) -> tuple[str, list[str]] | None:
    """The file under tools/ or the name that a command line calls, and its arguments."""
    if 'python' in words and words[words.index('python') + 1].startswith('tools/'):
        tool, *arguments = words[words.index('python') + 1 :]
        return tool, arguments
    for start in (['halp-mm'], ['python', '-m', 'halp_mm']):
        if words[: len(start)] == start and len(words) > len(start):
            name, *arguments = words[len(start) :]
            return name, arguments
    return None


def overridden(config: Config, options: dict) -> Config:
    """The config with other values, all of which replace one or are known to a component."""
    for key, value in options.items():
        *parents, last = key.split('.')
        place = config
        for part in parents:
            place = place[int(part)] if part.isdigit() else place[part]
        assert last in place or 'type' in place, f'the config has no {key}'
        config.merge_from_dict({key: value})
    return config


def test_commands_can_be_read_and_overrides_exist():
    checked = 0
    for tool, arguments in filter(None, map(command_of, commands())):
        if '--help' in (tool, *arguments):
            continue
        is_file = tool.endswith('.py')
        name = command_called_by(ROOT / tool) if is_file else tool.replace('-', '_')
        if name in COMMANDS:
            parser = importlib.import_module(f'halp_mm.commands.{name}').main.__self__.parser()
            given = vars(parser.parse_intermixed_args(arguments))
            if given.get('cfg_options') and 'config' in given:
                check_config(overridden(load_config(ROOT / given['config']), given['cfg_options']))
        else:  # a script, such as a benchmark
            flags = [word for word in arguments if word.startswith('--')]
            source = (ROOT / tool).read_text()
            assert [flag for flag in flags if f"'{flag}'" not in source] == []
        checked += 1
    assert checked > 10
