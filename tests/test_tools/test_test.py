"""tools/test.py, end to end."""

import json
import os
import shutil
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from halp_mm.apis import evaluate, load_config
from halp_mm.apis.evaluate import cache_beside
from halp_mm.apis.results import TIME_FIELDS
from halp_mm.commands.config_options import parse_options
from halp_mm.engine.shipped_encoders import shipped_encoders
from halp_mm.evaluation import feature_cache
from halp_mm.evaluation.feature_cache import FeatureCache
from tests.conftest import write_random_clips
from tests.runs import CONFIG, run_tool, tiny_options
from tests.tool_process import ToolProcess


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Data file and checkpoint of a tiny training."""
    folder = tmp_path_factory.mktemp('trained')
    data_file = write_random_clips(folder / 'clips.safetensors')
    options = tiny_options(data_file, train_cfg__max_epochs=1)
    result = run_tool('train.py', CONFIG, '--work-dir', folder / 'work', *options)
    assert result.returncode == 0, result.stderr
    return data_file, folder / 'work' / 'epoch_1.pth'


@pytest.mark.parametrize('protocol', ['knn', 'linear', 'retrieval'])
def test_report(trained, tmp_path, protocol):
    data_file, checkpoint = trained
    out, dump = tmp_path / 'results' / 'report.json', tmp_path / 'scores.npz'
    result = run_tool(
        *('test.py', CONFIG, checkpoint, '--protocol', protocol, '--out', out, '--dump', dump),
        *('--no-cache', *tiny_options(data_file)),
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(out.read_text())
    assert report['protocol'] == protocol
    assert report['dataset'] == 'random'
    assert (report['metrics']['num_train'], report['metrics']['num_test']) == (8, 4)
    assert 0 <= report['metrics']['top1'] <= report['metrics']['top5'] <= 100
    with np.load(dump) as scores:
        top1 = 100 * (scores['scores'].argmax(1) == scores['labels']).mean()
        assert scores['names'].tolist() == ['clip000', 'clip003', 'clip006', 'clip009']
        assert scores['classes'].tolist() == ['sit', 'stand', 'wave']
        facts = [str(scores[key]) for key in ('dataset', 'split', 'protocol')]
    assert facts == ['random', 'test', report['settings']['type']]
    assert report['metrics']['top1'] == pytest.approx(top1)
    assert f'{report["metrics"]["top1"]:.2f}' in result.stdout
    again = run_tool(
        *('test.py', CONFIG, checkpoint, '--protocol', protocol, '--dump', dump),
        *('--no-cache', *tiny_options(data_file)),
    )
    assert again.stdout == result.stdout
    assert not (checkpoint.parent / 'feature_cache').exists()


def test_other_protocols_use_the_features_of_the_first(trained, tmp_path, monkeypatch):
    """They come to the same as without."""
    data_file, checkpoint = trained
    copied = tmp_path / 'epoch_1.pth'
    shutil.copy(checkpoint, copied)
    _, *words = tiny_options(data_file)
    encoded = []
    encode = feature_cache.extract_features
    monkeypatch.setattr(
        feature_cache,
        'extract_features',
        lambda model, dataset, size: encoded.append(dataset.split) or encode(model, dataset, size),
    )
    for protocol in ('knn', 'linear', 'retrieval', 'few_shot'):
        found, result = evaluate(CONFIG, copied, protocol, parse_options(words))
        assert encoded == ['train', 'test']
        again, plain = evaluate(CONFIG, copied, protocol, parse_options(words), cache=False)
        assert found['metrics'] == again['metrics']
        assert torch.equal(result.scores, plain.scores)
    assert len(list((tmp_path / 'feature_cache').iterdir())) == 2


def test_features_of_what_is_no_checkpoint_of_ours_are_not_kept(trained, monkeypatch):
    """Of an untrained encoder, and of one that comes with the package."""
    monkeypatch.setattr(FeatureCache, '_write', lambda *_: pytest.fail('written'))
    _, *words = tiny_options(trained[0])
    results, _ = evaluate(CONFIG, None, 'knn', parse_options(words))
    assert results['checkpoint'] is None
    shipped = shipped_encoders()['kinect_v2']
    assert cache_beside(shipped, None, load_config(CONFIG), converts=False) is None


def test_coordinates_need_no_checkpoint_and_take_none(trained):
    data_file, checkpoint = trained
    options = tiny_options(data_file)
    result = run_tool('test.py', CONFIG, '--protocol', 'coordinates', *options)
    assert result.returncode == 0, result.stderr
    assert 'coordinates on random test' in result.stdout
    assert 'logistic/top1' in result.stdout
    assert 'checkpoint' not in result.stdout
    refused = run_tool('test.py', CONFIG, checkpoint, '--protocol', 'coordinates', *options)
    assert refused.returncode == 2
    assert 'uses no encoder: give neither a checkpoint' in refused.stderr
    with pytest.raises(ValueError, match=r"'coordinates' uses no encoder.*omit the checkpoi"):
        evaluate(CONFIG, checkpoint, 'coordinates')


def test_untrained_encoder_needs_no_checkpoint(trained, tmp_path):
    data_file, _ = trained
    options = tiny_options(data_file)
    result = run_tool('test.py', CONFIG, '--untrained', '--work-dir', tmp_path, *options)
    assert result.returncode == 0, result.stderr
    assert 'knn on random test' in result.stdout
    assert json.loads((tmp_path / 'knn.json').read_text())['checkpoint'] is None


def kill_before_renaming(ending: str) -> None:
    rename = os.replace

    def killed(source, target, **others):
        if str(target).endswith(ending):
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(source, target, **others)

    os.replace = killed


def test_interrupted_and_started_again(trained, tmp_path):
    """Killed when a file is written but has not got its name: nothing is left half-written."""
    data_file, checkpoint = trained

    def arguments(folder: str) -> list:
        files = ('--out', tmp_path / folder / 'a.json', '--dump', tmp_path / folder / 'a.npz')
        options = tiny_options(data_file)
        return ['test.py', CONFIG, checkpoint, '--protocol', 'linear', *files, *options]

    def names(ending: str) -> list[str]:
        found = (tmp_path / 'killed').glob(f'*{ending}')
        return [file.name for file in found if 'partial' not in file.name]

    for kill_at, left in (('a.json', []), ('a.npz', ['a.json'])):
        killed = ToolProcess(*arguments('killed'), first=partial(kill_before_renaming, kill_at))
        assert killed.end().returncode == -signal.SIGKILL
        assert names('.json') == left
        assert names('.npz') == []
    reports, scores = [], []
    for folder in ('killed', 'undisturbed'):
        result = run_tool(*arguments(folder))
        assert result.returncode == 0, result.stderr
        reports.append(json.loads((tmp_path / folder / 'a.json').read_text()))
        scores.append((tmp_path / folder / 'a.npz').read_bytes())
        for field in TIME_FIELDS:
            del reports[-1][field]
    assert reports[0] == reports[1]
    assert scores[0] == scores[1]


def assert_one_clear_error(result, *words: str) -> None:
    assert result.returncode == 1
    assert 'Traceback' not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith('test.py: error: ')
    for word in words:
        assert word in last


def test_bad_input(trained, tmp_path):
    data_file, checkpoint = trained
    options = tiny_options(data_file)
    damaged = tmp_path / 'damaged.pth'

    missing = run_tool('test.py', CONFIG, tmp_path / 'none.pth', *options)
    assert_one_clear_error(missing, 'there is no checkpoint', 'none.pth')

    for content in (b'', b'not a checkpoint', checkpoint.read_bytes()[:5000]):
        damaged.write_bytes(content)
        result = run_tool('test.py', CONFIG, damaged, *options)
        assert_one_clear_error(result, str(damaged), f'{len(content)} bytes', 'cannot be read')

    other = tiny_options(data_file, model__encoder__hidden_size=16)
    wrong_model = run_tool('test.py', CONFIG, checkpoint, *other)
    assert_one_clear_error(wrong_model, str(checkpoint), 'another model', 'expected [')

    wrong_protocol = run_tool('test.py', CONFIG, checkpoint, '--protocol', 'knm', *options)
    assert_one_clear_error(wrong_protocol, "no protocol 'knm'", "'knn', 'linear'")

    wrong_split = tiny_options(data_file, test_dataset__split='validation')
    assert_one_clear_error(
        run_tool('test.py', CONFIG, checkpoint, *wrong_split),
        *("no split 'validation'", "['test', 'train']"),
    )

    data_file_copy = tmp_path / 'truncated.safetensors'
    data_file_copy.write_bytes(data_file.read_bytes()[:-100])
    truncated = run_tool('test.py', CONFIG, checkpoint, *tiny_options(data_file_copy))
    assert_one_clear_error(truncated, str(data_file_copy), 'truncated')


def test_either_checkpoint_or_untrained():
    result = run_tool('test.py', CONFIG)
    assert result.returncode == 2
    assert 'give either a checkpoint or --untrained' in result.stderr
