"""tools/train.py, end to end: real files, real Runner, real checkpoints, real processes."""

import os
import re
import signal
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.ranks import connected, run_ranks
from tests.runs import CONFIG, run_tool, tiny_options
from tests.tool_process import ToolProcess

#: On a GPU, sums depend on the order in which they happen to be made, unless this is asked for.
REPEATABLE = ['--deterministic'] if torch.cuda.is_available() else []


def final_state(work_dir: Path) -> dict:
    checkpoint = work_dir / (work_dir / 'last_checkpoint').read_text()
    return torch.load(checkpoint, weights_only=True)


def assert_equal_states(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Data file, work directory and log of one tiny training that was never stopped."""
    from tests.conftest import write_random_clips

    folder = tmp_path_factory.mktemp('uninterrupted')
    data_file = write_random_clips(folder / 'clips.safetensors', num_clips=24)
    work_dir = folder / 'work'
    result = run_tool(
        *('train.py', CONFIG, '--work-dir', work_dir, *REPEATABLE, *tiny_options(data_file))
    )
    assert result.returncode == 0, result.stderr
    return data_file, work_dir, result.stdout + result.stderr


def test_training_logs_every_figure(uninterrupted):
    _, _, log = uninterrupted
    lines = [line for line in log.splitlines() if 'Epoch(train)' in line]
    for name in ('loss', 'joint/moco/loss', 'joint/moco/accuracy', 'lr', 'eta', 'time'):
        assert all(re.search(rf'\b{name}: \S', line) for line in lines), name
    with_halp = [line for line in lines if 'Epoch(train)   [1]' not in line and '[1][' not in line]
    assert with_halp
    for name in ('joint/halp/loss', 'joint/halp/positives_kept', 'joint/halp/t_star'):
        assert all(re.search(rf'\b{name}: \S', line) for line in with_halp), name
        assert not any(name in line for line in lines if '[1][' in line), 'before its start epoch'
    assert len(re.findall(r'Epoch\(val\) \[\d\]  val/knn_top1: [\d.]+', log)) == 3


def test_same_seed_gives_same_weights_and_another_seed_does_not(uninterrupted, tmp_path):
    data_file, work_dir, _ = uninterrupted
    states = []
    for seed in (0, 1):
        result = run_tool(
            *('train.py', CONFIG, '--work-dir', tmp_path / str(seed), '--seed', seed),
            *('--no-validate', *REPEATABLE, *tiny_options(data_file)),
        )
        assert result.returncode == 0, result.stderr
        states.append(final_state(tmp_path / str(seed))['state_dict'])
    reference = final_state(work_dir)['state_dict']
    assert_equal_states(states[0], reference)
    name = 'query_networks.joint.projector.layers.0.weight'
    assert not torch.equal(states[1][name], reference[name])


def test_killed_and_resumed_run_ends_with_the_same_weights(uninterrupted, tmp_path):
    data_file, work_dir, _ = uninterrupted
    options = tiny_options(data_file)
    process = ToolProcess('train.py', CONFIG, '--work-dir', tmp_path, *REPEATABLE, *options)
    deadline = time.monotonic() + 120
    while not (tmp_path / 'epoch_1.pth').exists() and process.is_alive():
        assert time.monotonic() < deadline, 'the first checkpoint never came'
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert process.end().returncode == -signal.SIGKILL, 'the run ended before it could be killed'
    assert not (tmp_path / 'epoch_3.pth').exists()

    result = run_tool(
        *('train.py', CONFIG, '--work-dir', tmp_path, '--resume', *REPEATABLE, *options)
    )
    assert result.returncode == 0, result.stderr
    assert 'resumed epoch' in result.stdout + result.stderr
    resumed, reference = final_state(tmp_path), final_state(work_dir)
    assert_equal_states(resumed['state_dict'], reference['state_dict'])
    first, second = (state['optimizer']['state'] for state in (resumed, reference))
    assert first.keys() == second.keys()
    for key in first:
        assert torch.equal(first[key]['exp_avg'], second[key]['exp_avg'])


def train_as_rank(data_file: Path, rank: int, folder: str) -> None:
    with connected(rank, folder):
        options = ('--launcher', 'pytorch', *tiny_options(data_file))
        result = run_tool('train.py', CONFIG, '--work-dir', folder, *options)
    torch.save(vars(result), f'{folder}/rank{rank}.pth')


def test_two_processes_train_together(uninterrupted, tmp_path):
    data_file, _, _ = uninterrupted
    for result in run_ranks(partial(train_as_rank, data_file), tmp_path):
        assert result['returncode'] == 0, result['stderr']
    state = final_state(tmp_path)
    # 16 clips, 2 processes of 4: 2 iterations an epoch, each queues the keys of both processes.
    assert state['meta']['iter'] == 6
    assert state['state_dict']['queues.joint.key.num_enqueued'] == 6 * 2 * 4


def test_tensorboard_by_one_config_line(uninterrupted, tmp_path):
    accumulator = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    data_file, _, _ = uninterrupted
    config = tmp_path / 'bigru.py'
    config.write_text(
        f"_base_ = '{CONFIG}'\n"
        "visualizer = dict(vis_backends=[dict(type='TensorboardVisBackend')])\n"
    )
    options = tiny_options(data_file, train_cfg__max_epochs=1)
    result = run_tool('train.py', config, '--work-dir', tmp_path, *options)
    assert result.returncode == 0, result.stderr
    (events,) = tmp_path.glob('*/vis_data/events.out.tfevents*')
    log = accumulator.EventAccumulator(os.fspath(events)).Reload()
    assert {'joint/moco/loss', 'joint/moco/accuracy', 'lr', 'val/knn_top1'} <= set(
        log.Tags()['scalars']
    )


def test_missing_data_file_stops_at_once_and_names_the_command(tmp_path):
    result = run_tool('train.py', CONFIG, '--work-dir', tmp_path / 'work', cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1] == (
        'train.py: error: there is no data file data/synthetic.safetensors. Make it with: '
        'python tools/data/make_synthetic.py --out data/synthetic.safetensors'
    )
    assert 'Traceback' not in result.stderr
    assert not (tmp_path / 'work').exists()


def test_missing_config():
    result = run_tool('train.py', 'configs/halp/none.py')
    assert result.returncode == 1
    assert result.stderr.endswith('train.py: error: there is no config configs/halp/none.py\n')


@pytest.mark.parametrize(
    ('option', 'words'),
    [
        ('data_preprocessor.streams=["joints"]', "unknown stream 'joints'"),
        ('model.encoder.layout=kinect_v3', "unknown skeleton layout 'kinect_v3'"),
        ('train_dataloader.dataset.split=train60', "no split 'train60'"),
        ('model.encoder.layout=msr_action3d', 'of 20 joints, but the clips'),
    ],
)
def test_wrong_names_are_one_clear_error(uninterrupted, tmp_path, option, words):
    data_file, _, _ = uninterrupted
    options = tiny_options(data_file)
    result = run_tool('train.py', CONFIG, '--work-dir', tmp_path, *options, option)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith('train.py: error: ')
    assert words in last
    assert 'Traceback' not in result.stderr


def test_truncated_checkpoint_does_not_resume(uninterrupted, tmp_path):
    data_file, work_dir, _ = uninterrupted
    whole = (work_dir / 'epoch_3.pth').read_bytes()
    damaged = tmp_path / 'damaged.pth'
    damaged.write_bytes(whole[: len(whole) // 2])
    result = run_tool(
        *('train.py', CONFIG, '--work-dir', tmp_path / 'work', '--resume', damaged),
        *tiny_options(data_file),
    )
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert f'train.py: error: {damaged} ({len(whole) // 2} bytes) cannot be read' in last
    assert 'Traceback' not in result.stderr
