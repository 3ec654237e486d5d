"""What the checks of a training cost: at its start, in its steps, and when it saves.

A training runs in this process with its checks timed, each as it is called. Times are those of the
processor, so other programs do not disturb them.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from pkgutil import resolve_name
from unittest import mock

from halp_mm.apis import train
from halp_mm.commands.config_options import parse_options
from halp_mm.engine.runner import SkeletonRunner
from halp_mm.engine.train_loop import EpochBasedTrainLoop
from halp_mm.tables import table_text

#: Where checks are called from. One that another calls counts as part of that.
CHECKS = {
    'keys, kinds and ranges of the config': (
        *('halp_mm.apis.config.check_option_keys', 'halp_mm.apis.config.check_config'),
        'halp_mm.apis.train.check_training_settings',
    ),
    'data files are there': ('halp_mm.apis.train.check_data_files',),
    'data files are whole': (
        'halp_mm.datasets.storage.ClipStorage._check_header_size',
        'halp_mm.datasets.storage.ClipStorage._check_lengths',
        'halp_mm.datasets.storage.ClipStorage._check',
    ),
    'coordinates are finite': ('halp_mm.datasets.skeleton_dataset.describe_bad_coordinates',),
    'steps, encoder, shared clips, units': (
        'halp_mm.engine.hooks.preflight_hook.PreflightHook.before_train',
    ),
    'classes': ('halp_mm.engine.hooks.classes_hook.ClassesHook.before_train',),
    'earlier runs in the work directory': (
        'halp_mm.engine.runner.SkeletonRunner._choose_checkpoint',
    ),
    'facts of config and data': ('halp_mm.engine.runner.SkeletonRunner.run_facts',),
    'losses are finite': (
        'halp_mm.engine.hooks.deferred_runtime_info_hook.DeferredRuntimeInfoHook._check_losses',
    ),
    'stop requests': ('halp_mm.engine.stop.StopRequest.agree',),
    'weights and optimiser are finite': ('halp_mm.engine.runner.find_not_finite',),
    'checksum': ('halp_mm.engine.runner.seal_checkpoint_file',),
}
START, STEPS, SAVING = 'start-up', 'steps', 'saving'


class Stopwatch:
    """Processor time of the checks by phase, and of the phases themselves."""

    def __init__(self) -> None:
        self.seconds: Counter = Counter()
        self.phases: Counter = Counter()
        self.saved = 0
        self._phase = START
        self._since = time.process_time()
        self._is_inside = False

    def enter(self, phase: str) -> str:
        """Begin a phase, and return the one before."""
        before, now = self._phase, time.process_time()
        self.phases[before] += now - self._since
        self._phase, self._since = phase, now
        return before

    def timed(self, name: str, check: Callable) -> Callable:
        """A check that adds its time to those of its name."""

        @wraps(check)
        def call(*args, **kwargs):
            if self._is_inside:
                return check(*args, **kwargs)
            self._is_inside, start = True, time.process_time()
            try:
                return check(*args, **kwargs)
            finally:
                self._is_inside = False
                self.seconds[self._phase, name] += time.process_time() - start

        return call

    def first_step(self, run_epoch: Callable) -> Callable:
        """The loop's method, which ends the start-up."""

        @wraps(run_epoch)
        def call(*args, **kwargs):
            if self._phase == START:
                self.enter(STEPS)
            return run_epoch(*args, **kwargs)

        return call

    def saving(self, save: Callable) -> Callable:
        """The runner's method, whose time is not that of steps."""

        @wraps(save)
        def call(*args, **kwargs):
            before = self.enter(SAVING)
            self.saved += 1
            try:
                return save(*args, **kwargs)
            finally:
                self.enter(before)

        return call


def main() -> None:
    """Train, and print the times."""
    parser = argparse.ArgumentParser(description='Cost of the checks of a training')
    parser.add_argument('config')
    parser.add_argument('--epochs', type=int, default=10)
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')
    args = parser.parse_args()
    watch = Stopwatch()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for name, places in CHECKS.items():
            for place in places:
                check = resolve_name(place)
                stack.enter_context(mock.patch(place, watch.timed(name, check)))
        for owner, method, made in (
            (EpochBasedTrainLoop, 'run_epoch', watch.first_step),
            (SkeletonRunner, 'save_checkpoint', watch.saving),
        ):
            stack.enter_context(mock.patch.object(owner, method, made(getattr(owner, method))))
        options = {'train_cfg.max_epochs': args.epochs, 'log_level': 'WARNING'}
        options |= parse_options(args.cfg_options)
        runner = train(args.config, folder, options, validate=False)
        watch.enter(START)
    print(f'{args.config}: {args.epochs} epochs of {len(runner.train_dataloader)} steps')
    rows = [
        [name, *(f'{1000 * watch.seconds[phase, name]:.1f}' for phase in (START, STEPS, SAVING))]
        for name in CHECKS
    ]
    totals = {
        phase: sum(watch.seconds[phase, name] for name in CHECKS)
        for phase in (START, STEPS, SAVING)
    }
    rows.append(['all checks', *(f'{1000 * seconds:.1f}' for seconds in totals.values())])
    rows.append(['of', *(f'{1000 * watch.phases[phase]:.1f}' for phase in totals)])
    print(table_text(rows, ['check, ms', START, STEPS, f'{watch.saved} checkpoints']))
    print(f'share of the steps: {100 * totals[STEPS] / watch.phases[STEPS]:.2f} %')


if __name__ == '__main__':
    main()
