"""Kill trainings, damage their checkpoints, hand them hostile ones. Run by hand; see docs/train.md.

    python tests/torture.py FOLDER [--kills 50] [--epochs 3]

Each kill is aimed at a moment: the start, an iteration, the writing of a checkpoint, the
evaluation, the moment after a checkpoint was written. Every third is SIGTERM instead of SIGKILL,
and every fifth run has two processes, of which one is killed. Every run is resumed, and its last
weights have to be those of a run that nobody disturbed, bit by bit.
"""

from __future__ import annotations

import argparse
import http.server
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from halp_mm.engine import load_checkpoint_file
from halp_mm.engine.resume import newest_checkpoint
from tests.conftest import write_random_clips
from tests.runs import CONFIG, ROOT, environment, tiny_options, tool_command

MOMENTS = ('start', 'iteration', 'saving', 'evaluation', 'saved')
#: What a run prints, or leaves in its folder, when the moment has come.
SIGNS = {
    'start': 'this training:',
    'iteration': 'Epoch(train)',
    'saving': '*.partial',
    'evaluation': 'Saving checkpoint|evaluating',
    'saved': 'epoch_*.pth',
}
#: Says on which line the evaluation begins, and makes every save and evaluation last long enough
#: to be hit. Nothing of what is trained or saved changes.
SLOW = """
import time
import halp_mm.engine.runner as runner
from halp_mm.evaluation.protocol import Protocol

def slowly(function, before, name=None):
    def call(*arguments, **options):
        if name:
            print(name, flush=True)
        if before:
            time.sleep(0.15)
        result = function(*arguments, **options)
        if not before:
            time.sleep(0.15)
        return result
    return call

runner.seal_checkpoint_file = slowly(runner.seal_checkpoint_file, True)
Protocol.run = slowly(Protocol.run, True, 'evaluating')
runner.SkeletonRunner.save_checkpoint = slowly(runner.SkeletonRunner.save_checkpoint, False)
"""


class Training:
    """A tiny training in a work directory, by tools/train.py, in processes of its own."""

    def __init__(self, data_file: Path, work_dir: Path, epochs: int, processes: int = 1) -> None:
        self.work_dir = work_dir
        options = tiny_options(
            data_file,
            train_cfg__max_epochs=epochs,
            train_dataloader__batch_size=1,
            default_hooks__checkpoint__max_keep_ckpts=1,
        )
        self.launcher = []
        more = []
        if processes > 1:
            self.launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node=2']
            more = ['--launcher', 'pytorch']
        self.arguments = ['train.py', CONFIG, '--work-dir', work_dir, *more, *options]

    def start(self, output: Path, *more: object) -> subprocess.Popen:
        """Begin; what is printed goes to a file."""
        tool, config, *rest = self.arguments
        python, *command = tool_command(tool, config, *more, *rest)
        slow = output.parent / 'slow'
        slow.mkdir(exist_ok=True)
        (slow / 'sitecustomize.py').write_text('')
        (slow / 'slow_train.py').write_text(
            SLOW + 'import runpy, sys\nsys.argv = sys.argv[1:]\n'
            "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        )
        with output.open('w', encoding='utf-8') as file:
            return subprocess.Popen(
                [python, *self.launcher, str(slow / 'slow_train.py'), *command],
                cwd=ROOT,
                env=environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def final_state(self) -> dict[str, torch.Tensor]:
        """The weights at the end."""
        return load_checkpoint_file(newest_checkpoint(self.work_dir))['state_dict']


def wait_for(moment: str, process: subprocess.Popen, output: Path, work_dir: Path) -> None:
    """Wait until the moment has come.

    Raises:
        RuntimeError: if the run ends before.
    """
    pattern = SIGNS[moment]
    while process.poll() is None:
        if '*' in pattern:
            if any(work_dir.glob(pattern)):
                return
        elif any(sign in output.read_text(encoding='utf-8') for sign in pattern.split('|')[-1:]):
            return
        time.sleep(0.005)
    raise RuntimeError(f'{output}: the run has ended, the moment {moment!r} never came')


def ranks_of(process: subprocess.Popen) -> list[int]:
    """The processes that torchrun started."""
    children = Path(f'/proc/{process.pid}/task/{process.pid}/children')
    return [int(child) for child in children.read_text(encoding='utf-8').split()]


def end(process: subprocess.Popen) -> None:
    """Wait for the end of a run and of all its processes."""
    try:
        process.wait(timeout=1800)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)


def kill_and_resume(
    folder: Path, data_file: Path, number: int, epochs: int, references: dict[int, dict]
) -> tuple[str, str, bool]:
    """Kill one training, resume it, compare; returns the moment, the signal and the outcome."""
    draw = random.Random(number)
    moment = MOMENTS[number % len(MOMENTS)]
    kind = signal.SIGTERM if number % 3 == 2 else signal.SIGKILL
    processes = 2 if number % 5 == number // 5 % 5 else 1
    work_dir = folder / f'kill_{number}'
    work_dir.mkdir()
    training = Training(data_file, work_dir, epochs, processes)
    output = folder / f'kill_{number}.txt'
    process = training.start(output)
    wait_for(moment, process, output, work_dir)
    time.sleep(draw.uniform(0, 0.15))
    victim = process.pid
    if processes > 1:
        ranks = ranks_of(process)
        victim = ranks[number // 2 % len(ranks)] if ranks else victim
    if process.poll() is None:
        os.kill(victim, kind)
    end(process)
    resumed = folder / f'kill_{number}_resumed.txt'
    process = training.start(resumed, '--resume')
    end(process)
    state = training.final_state() if process.returncode == 0 else {}
    reference = references[processes]
    is_same = state.keys() == reference.keys() and all(
        torch.equal(value, reference[key]) for key, value in state.items()
    )
    if is_same:
        shutil.rmtree(work_dir)
    return f'{moment}, {processes} process{"es" * (processes > 1)}', kind.name, is_same


def damage(source: Path, target: Path, number: int, how: str) -> None:
    """Cut a file off, or flip one bit of one byte."""
    content = bytearray(source.read_bytes())
    position = random.Random(number).randrange(len(content))
    if how == 'truncated':
        del content[position:]
    else:
        content[position] ^= 1 << number % 8
    target.write_bytes(content)


class RunsCommand:
    """An object whose unpickling makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def hostile_checkpoints(folder: Path, trap: Path) -> list[Path]:
    """Ten files that run code, take memory, or are nothing."""
    payload, weights = RunsCommand(trap), {'weight': torch.zeros(2)}
    saved = {
        'meta': {'state_dict': weights, 'meta': payload},
        'state_dict': {'state_dict': payload},
        'optimizer': {'state_dict': weights, 'optimizer': {'state': payload}},
        'whole': payload,
        'bytearray': {'state_dict': weights, 'meta': {'x': bytearray(1 << 20)}},
    }
    for name, content in saved.items():
        torch.save(content, folder / f'{name}.pth')
    (folder / 'pickle.pth').write_bytes(pickle.dumps({'state_dict': weights, 'meta': payload}))
    (folder / 'empty.pth').write_bytes(b'')
    (folder / 'text.pth').write_text('not a checkpoint')
    with (
        zipfile.ZipFile(folder / 'bomb.pth', 'w', zipfile.ZIP_DEFLATED) as archive,
        archive.open('bomb/data.pkl', 'w') as file,
    ):
        for _ in range(1024):
            file.write(bytes(1 << 20))
    with zipfile.ZipFile(folder / 'entries.pth', 'w') as archive:
        for i in range(100_001):
            archive.writestr(f'entries/data/{i}', b'')
    return sorted(folder.glob('*.pth'))


def is_refused(load: Callable[[], object]) -> bool:
    """Whether a checkpoint is refused by a sentence."""
    try:
        load()
    except (OSError, ValueError) as error:
        return '\n' not in str(error)
    return False


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *args) -> None:
        """Nothing."""


def main(arguments: list[str] | None = None) -> int:
    """Torture, print a table; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path, help='where runs go; must be new')
    parser.add_argument('--kills', type=int, default=50, help='how many trainings are killed')
    parser.add_argument('--epochs', type=int, default=3, help='epochs of each')
    args = parser.parse_args(arguments)
    args.folder.mkdir(parents=True)
    data_file = write_random_clips(args.folder / 'clips.safetensors', num_clips=18)
    references, source = {}, None
    for processes in (1, 2):
        training = Training(data_file, args.folder / f'whole_{processes}', args.epochs, processes)
        process = training.start(args.folder / f'whole_{processes}.txt')
        end(process)
        if process.returncode:
            sys.exit(
                f'the training that nobody disturbs fails: {args.folder}/whole_{processes}.txt'
            )
        references[processes] = training.final_state()
        source = newest_checkpoint(training.work_dir)
    counts, good = Counter(), Counter()
    for number in range(args.kills):
        moment, kind, is_same = kill_and_resume(
            args.folder, data_file, number, args.epochs, references
        )
        print(
            f'{number:3} {moment:25} {kind:8} {"same weights" if is_same else "DIFFERS"}',
            flush=True,
        )
        counts[f'{moment}, {kind}'] += 1
        good[f'{moment}, {kind}'] += is_same
    damaged = args.folder / 'damaged.pth'
    for how in ('truncated', 'one bit flipped'):
        for number in range(20):
            damage(source, damaged, number, how)
            counts[how] += 1
            good[how] += is_refused(partial(load_checkpoint_file, damaged))
    hostile, trap = args.folder / 'hostile', args.folder / 'executed'
    hostile.mkdir()
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), partial(Quiet, directory=os.fspath(hostile))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for path in hostile_checkpoints(hostile, trap):
        for kind, name in (
            ('hostile, by file', os.fspath(path)),
            ('hostile, by URL', f'http://127.0.0.1:{server.server_port}/{path.name}'),
        ):
            counts[kind] += 1
            good[kind] += is_refused(partial(load_checkpoint_file, name)) and not trap.exists()
    server.shutdown()
    print(f'\n{"what":45}{"tried":>7}{"well":>7}')
    for name in counts:
        print(f'{name:45}{counts[name]:>7}{good[name]:>7}')
    print(f'{"all":45}{counts.total():>7}{good.total():>7}')
    return int(counts != good)


if __name__ == '__main__':
    sys.exit(main())
