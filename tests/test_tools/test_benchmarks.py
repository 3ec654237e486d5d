"""The benchmarks run and print their ratios."""

import json
import re
import runpy

import torch
import torch.nn.functional as F

from halp_mm.apis import load_config
from halp_mm.engine.bfloat16 import has_bfloat16
from halp_mm.models import BiGRU, HaLPHead
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.conftest import write_random_clips
from tests.helpers import generator
from tests.runs import CONFIG, ROOT, run_tool, tiny_options

LAST_STAGE = TrainingProgress(epoch=150)
STEPS = ('writing', 'opening', 'epoch', 'knn', 'results')


def test_linear_cost(tmp_path):
    """Both ways come to the same accuracy."""
    data_file = write_random_clips(tmp_path / 'clips.safetensors')
    config = tmp_path / 'tiny.py'
    config.write_text(
        f'_base_ = {str(CONFIG)!r}\n'
        'model = dict(encoder=dict(hidden_size=4))\n'
        f'train_dataloader = dict(dataset=dict(data_file={str(data_file)!r}, split="train"))\n'
        f'test_dataset = dict(data_file={str(data_file)!r}, split="test")\n'
    )
    done = run_tool('benchmarks/linear_cost.py', config, '--epochs', 3)
    assert done.returncode == 0, done.stderr
    once, anew = re.findall(r'top-1 ([\d.]+)', done.stdout)
    assert once == anew
    assert '8 and 4 clips, 3 epochs' in done.stdout
    assert float(re.search(r'ratio +([\d.]+)', done.stdout)[1]) > 0


def test_linear_cost_refuses_new_crops():
    done = run_tool('benchmarks/linear_cost.py', 'configs/halp/bigru_ntu60_xsub.py')
    assert done.returncode == 2
    assert 'draws new crops in every epoch, so nothing can be kept' in done.stderr


def test_memory_of_knn_does_not_grow_with_the_clips():
    """Similarities of all pairs, and a copy of the features, would take 200 MiB each."""
    done = run_tool(
        'benchmarks/knn_cost.py',
        *('--num-train', 52_000, '--num-test', 1000, '--dim', 1000, '--k', 20),
        in_process=False,  # whose memory has not been larger before
    )
    assert done.returncode == 0, done.stderr
    assert int(re.search(r'beyond them +(\d+) MiB', done.stdout)[1]) < 150


def test_check_cost(tmp_path):
    data_file = write_random_clips(tmp_path / 'clips.safetensors')
    options = tiny_options(data_file, train_cfg__max_epochs=1)
    done = run_tool('benchmarks/check_cost.py', CONFIG, '--epochs', 1, *options)
    assert done.returncode == 0, done.stderr
    rows = dict(re.findall(r'^(\S.*?)  +(\d.*)$', done.stdout, re.MULTILINE))
    checks, whole = (list(map(float, rows[name].split())) for name in ('all checks', 'of'))
    assert all(0 <= part < total for part, total in zip(checks, whole))
    assert len(rows) == 15
    assert float(re.search(r'share of the steps: ([\d.]+) %', done.stdout)[1]) < 100


def test_option_losses(tmp_path):
    data_file = write_random_clips(tmp_path / 'clips.safetensors')
    options = tiny_options(data_file, train_cfg__max_epochs=2)
    done = run_tool('benchmarks/option_losses.py', CONFIG, '--epochs', 2, *options)
    assert done.returncode == 0, done.stderr
    assert 'bigru_synthetic_xsub.py: 4 steps, the last loss ' in done.stdout
    moved = dict(re.findall(r'^(\S.*?)  +(\S+)  +\S+$', done.stdout, re.MULTILINE))
    same = ('the same again', 'data_on_device=False', 'normalised in each epoch')
    assert [float(moved[name]) for name in same] == [0, 0, 0]
    assert 0 < float(moved["data_on_device='half'"]) < 0.1
    assert float(moved["a BiGRU's cells one by one"]) < 1e-5


def test_masked_encoder_speed():
    sizes = ('--embed-dim', 8, '--depth', 1, '--num-frames', 8, '--rounds', 1)
    done = run_tool('benchmarks/masked_encoder_speed.py', *sizes)
    assert done.returncode == 0, done.stderr
    assert re.search(r'50 tokens \d+ ms, 4 tokens \d+ ms: [\d.]+x', done.stdout)


def test_halp_step():
    done = run_tool(
        'benchmarks/halp_step.py',
        *('--hidden-size', 4, '--batch-size', 3, '--frames', 66, '--queue-size', 256),
        *('--rounds', 1),
    )
    assert done.returncode == 0, done.stderr
    ratios = re.findall(r'over (?:ours|its baseline) +([\d.]+)', done.stdout)
    assert len(ratios) == 3
    assert all(float(ratio) > 0 for ratio in ratios)


def test_plain_halp_is_the_same_network_and_loss():
    """The rendering that times are compared with computes what ours does."""
    tool = runpy.run_path(str(ROOT / 'tools/benchmarks/halp_step.py'))
    network = tool['Network'](4).eval()
    encoder = BiGRU(hidden_size=4).eval()
    state = network.gru.state_dict()
    for i, cells in enumerate(zip(encoder.forward_cells, encoder.backward_cells)):
        for cell, suffix in zip(cells, ('', '_reverse')):
            cell.load_state_dict(
                {
                    f'{name}_l0': state[f'{name}_l{i}{suffix}']
                    for name in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')
                }
            )
    clips = torch.randn(3, 2, 9, 25, 3, generator=generator())
    expected = F.normalize(network.projector(encoder(clips)), dim=1)
    sequence = clips.permute(0, 2, 3, 4, 1).flatten(2)
    torch.testing.assert_close(network(sequence), expected, rtol=1e-4, atol=1e-5)

    query, key, prototypes = F.normalize(torch.randn(3, 64, 128, generator=generator()), dim=-1)
    prototypes = prototypes[:20]
    training = tool['PlainTraining']([], 4, 256)
    plain = training.hallucinated_loss(query, key, prototypes)
    ours, _ = HaLPHead().halp_loss(query, key, prototypes, generator())
    # Both are means over 6,400 random positives.
    torch.testing.assert_close(plain, ours, rtol=0.05, atol=0.05)


SMALL_AIMCLR = {
    'model.encoder.base_channels': 16,
    'model.encoder.stages': [2],
    'model.encoder.feature_dim': 64,
    'model.queue_size': 128,
}


def test_aimclr_step():
    options = [f'{key}={value}' for key, value in SMALL_AIMCLR.items()]
    done = run_tool(
        *('benchmarks/aimclr_step.py', '--batch-size', 4, '--rounds', 1, '--cfg-options', *options)
    )
    assert done.returncode == 0, done.stderr
    ratios = dict(re.findall(r'over ours, (\w+) +([\d.]+)', done.stdout))
    assert set(ratios) == {'float32', 'bfloat16'} if has_bfloat16() else {'float32'}
    assert all(float(ratio) > 0 for ratio in ratios.values())
    rows = dict(re.findall(r'^(\S.*?)  +([\d.]+)', done.stdout, re.MULTILINE))
    assert {'views', 'keys forward', 'forward', 'backward', 'optimizer', 'iteration'} <= set(rows)


def test_plain_aimclr_has_the_same_loss_and_gradients():
    """The rendering that times are compared with computes what ours does."""
    tool = runpy.run_path(str(ROOT / 'tools/benchmarks/aimclr_step.py'))
    config = load_config(
        ROOT / 'configs/aimclr/stgcn_ntu60_xsub_release.py',
        {**SMALL_AIMCLR, 'model.encoder.dropout': 0.0},
    )
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor}).double()
    network = model.train().query_networks['joint']
    plain = tool['PlainTraining'](network, model.queues['joint']['key'].entries.clone())
    shape = (3, 2, 10, 25, 3)
    views = {
        name: torch.randn(shape, generator=generator(seed), dtype=torch.float64)
        for seed, name in enumerate(('extreme', 'query', 'key'))
    }
    expected = plain.loss(*(clips.permute(0, 4, 2, 3, 1) for clips in views.values()))
    losses = model.loss({name: {'joint': clips} for name, clips in views.items()}, {}, LAST_STAGE)
    loss, scalars = model.parse_losses(losses)
    assert scalars['joint/nnm/num_positives'] > 1
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    found = dict(network.named_parameters())
    for name, value in plain.query.named_parameters():
        mine = found[name if name.startswith('encoder') else f'projector.{name}']
        torch.testing.assert_close(value.grad, mine.grad, rtol=1e-6, atol=1e-9, check_stride=False)
    keys = model.queues['joint']['key'].entries[:3]
    torch.testing.assert_close(plain.queue[:, :3].T, keys.double())


def test_growth(tmp_path):
    """What has been measured is kept, and not measured again."""
    figures, picture = tmp_path / 'figures.json', tmp_path / 'growth.png'
    figures.write_text(json.dumps({'50': dict.fromkeys(STEPS, 1.25)}))
    done = run_tool(
        *('benchmarks/growth.py', '--sizes', 50, 70),
        *('--figures', figures, '--picture', picture),
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(r'^\S.*? +1\.25 +(\d+\.\d\d)$', done.stdout, re.MULTILINE)
    assert len(rows) == len(STEPS)
    kept = json.loads(figures.read_text())
    assert [f'{value:.2f}' for value in kept['70'].values()] == rows
    assert kept['50'] == dict.fromkeys(STEPS, 1.25)
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_data_speed():
    done = run_tool('benchmarks/data_speed.py', CONFIG, '--clips', 130, '--rounds', 1)
    assert done.returncode == 0, done.stderr
    ratios = re.findall(r'(\S[^\d]*?)  +[\d.]+ s +([\d.]+)$', done.stdout, re.MULTILINE)
    assert len(ratios) == 8
    assert all(float(ratio) > 0 for _, ratio in ratios)
    assert [float(ratio) for name, ratio in ratios if 'index_select' in name] == [1, 1]


def test_training_start():
    done = run_tool('benchmarks/training_start.py', '--clips', 20, '--frames', 8, '--rounds', 1)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r' +20 clips +[\d.]+ s\n', done.stdout)
