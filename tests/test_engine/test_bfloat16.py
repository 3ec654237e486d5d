"""Mixed precision on CPUs, and the probe that says what it gains."""

import re
from importlib import import_module

import pytest
import torch

from halp_mm.apis import load_config, train
from halp_mm.commands.config_options import parse_options
from halp_mm.engine.bfloat16 import has_bfloat16
from tests.runs import CONFIG, tiny_options

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')


@pytest.mark.parametrize(
    ('flags', 'expected'),
    [
        ('flags : fpu avx512f avx512_bf16 sse\nflags : fpu', True),
        ('Features : asimd bf16', True),
        ('flags : fpu avx512f', False),
        (None, False),
    ],
)
def test_bfloat16_instructions(flags, expected, tmp_path):
    if flags is not None:
        (tmp_path / 'cpuinfo').write_text(flags)
    assert has_bfloat16(tmp_path / 'cpuinfo') is expected


@pytest.fixture
def runs(random_clips, tmp_path, monkeypatch):
    """Trains a tiny encoder; any CPU computes in bfloat16, if slowly."""
    for module in ('halp_mm.apis.train', 'halp_mm.engine.hooks.precision_probe_hook'):
        monkeypatch.setattr(import_module(module), 'has_bfloat16', lambda: True)

    def run(name: str, amp: bool = False, **options):
        options = parse_options(tiny_options(random_clips, train_cfg__max_epochs=2, **options)[1:])
        config = load_config(CONFIG, options)
        config.experiment_name = name  # by default the second in which a training began
        runner = train(config, tmp_path / name, amp=amp, validate=False)
        return runner, runner.log_file.read_text(encoding='utf-8')

    return run


def test_training_in_bfloat16(runs):
    """Losses are near those of float32 and not equal; weights stay in float32."""
    losses = {}
    for amp in (False, True):
        runner, log = runs(f'{amp}', amp)
        assert ('thread, mixed precision' in log or 'threads, mixed precision' in log) is amp
        losses[amp] = torch.tensor([float(x) for x in re.findall(r' loss: (-?[\d.]+)', log)])
        assert {value.dtype for value in runner.model.parameters()} == {torch.float32}
    assert len(losses[True]) == 4
    torch.testing.assert_close(losses[True], losses[False], rtol=0.05, atol=0.05)
    assert not torch.equal(losses[True], losses[False])


def test_probe_says_what_bfloat16_gains_and_changes_nothing(runs):
    states = []
    for hooks in ([], [dict(type='PrecisionProbeHook', steps=1)]):
        runner, log = runs(f'probe{len(hooks)}', custom_hooks=hooks)
        states.append(runner.model.state_dict())
        found = re.findall(r'(\d+) ms of CPU time in float32, (\d+) ms in bfloat16, ([\d.]+)', log)
        assert len(found) == len(hooks)
    torch.testing.assert_close(*states, rtol=0, atol=0)


def test_probe_without_bfloat16(runs, monkeypatch):
    probe = import_module('halp_mm.engine.hooks.precision_probe_hook')
    monkeypatch.setattr(probe, 'has_bfloat16', lambda: False)
    _, log = runs('none', custom_hooks=[dict(type='PrecisionProbeHook')])
    assert 'this CPU has no bfloat16 instructions' in log
