"""A training as its config says, whose iterations are run and measured one by one."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from halp_mm.apis.config import check_data_files, load_config
from halp_mm.apis.train import training_config
from halp_mm.benchmarking.stand_in_clips import write_stand_in_clips
from halp_mm.benchmarking.stopwatch import Stopwatch
from halp_mm.engine.distributed import model_of
from halp_mm.engine.threads import limited_threads
from halp_mm.engine.train_loop import EpochBasedTrainLoop
from halp_mm.models import FeatureQueue, Pretrainer
from halp_mm.registry import LOOPS, RUNNERS

DATA = 'data'
VIEWS = 'views'
MOMENTUM = 'momentum update'
KEYS = 'keys forward'
FORWARD = 'forward'
HEAD = 'head '
CLUSTERING = 'k-means'
BACKWARD = 'backward'
OPTIMIZER = 'optimizer'
REST = 'hooks and the rest'
_ORDER = (DATA, VIEWS, MOMENTUM, KEYS, FORWARD, HEAD, CLUSTERING, BACKWARD, OPTIMIZER, REST)


def scratch_folder() -> tempfile.TemporaryDirectory:
    """A folder for a training, which goes as far as the system lets open log files go."""
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


@LOOPS.register_module()
class SingleStepsLoop(EpochBasedTrainLoop):
    """A loop that leaves its iterations to others: :meth:`run` only does what comes before them."""

    def run(self) -> nn.Module:
        """Prepare the training."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        return self.runner.model

    def batches(self) -> Iterator[dict]:
        """The batches of one epoch after the other, without end."""
        while True:
            yield from self.epoch_batches()


class MeasuredTraining:
    """A training in its last stage, with all heads of that stage and full queues.

    It is built by the Runner, with all that the config says of data, loader, hooks and optimizer,
    but does not evaluate.

    Args:
        config: The config, as a file or read already.
        folder: A folder for what the training writes, and for random clips in place of a data file
            that is not there.
        cfg_options: New values by dotted key.
        clock: See :class:`Stopwatch`.

    Attributes:
        warning: What differs from the training of the config; None if nothing does.
    """

    def __init__(
        self,
        config: str | os.PathLike | Config,
        folder: str | os.PathLike,
        cfg_options: Mapping | None = None,
        clock: str = 'wall',
    ) -> None:
        config = load_config(config, cfg_options)
        config.test_dataset = config.evaluation_data = None
        options: dict[str, object] = {}
        self.warning: str | None = None
        try:
            check_data_files(config)
        except FileNotFoundError:
            options = write_stand_in_clips(config, Path(folder, 'clips.safetensors'))
            self.warning = (
                f'there is no {config.train_dataloader.dataset.data_file}: random clips take its '
                'place, whose loading costs less than that of a large file'
            )
        config = training_config(config, folder, options, validate=False)
        config.train_cfg = {**config.train_cfg, 'type': 'SingleStepsLoop'}
        config.log_level = 'ERROR'
        # Two configs of the same name that are built within a second are not one experiment.
        config.experiment_name = os.fspath(folder)
        self.num_threads = config.get('num_threads')
        self.batch_size: int = config.train_dataloader.batch_size
        with limited_threads(self.num_threads):
            self.runner: Runner = RUNNERS.get(config.runner_type).from_cfg(config)
            self.runner.train()
        self.model = model_of(self.runner)
        self.loop: SingleStepsLoop = self.runner.train_loop
        self._enter_last_stage()
        self._batches = self.loop.batches()
        self._iteration = 0
        self.stopwatch = Stopwatch(get_device(), clock)
        self._time_parts()

    def _enter_last_stage(self) -> None:
        if not isinstance(self.model, Pretrainer):
            return
        epoch = max(term.start_epoch for term in self.model.terms.values())
        self.loop.go_on_from(epoch, epoch * len(self.loop.dataloader), 0)
        for queues in self.model.queues.values():
            for queue in cast(Mapping[str, FeatureQueue], queues).values():
                queue.num_enqueued.fill_(queue.size)

    def _time_parts(self) -> None:
        """Let the parts of an iteration be measured where they are called."""

        def time(name: str, owner: object, method: str) -> None:
            setattr(owner, method, self.stopwatch.timed(name, getattr(owner, method)))

        time(VIEWS, self.model.data_preprocessor, 'forward')
        time(FORWARD, self.model, 'forward')
        if isinstance(self.model, Pretrainer):
            if self.model.key_networks is not None:
                time(MOMENTUM, self.model.key_networks, 'update_parameters')
                time(KEYS, self.model, 'copy_outputs')
            for name, head in self.model.heads.items():
                time(f'{HEAD}{name}', head, 'loss')
                time(MOMENTUM, head, 'update_copies')
                if hasattr(head, 'update_prototypes'):
                    time(CLUSTERING, head, 'update_prototypes')
        for wrapper in optim_wrappers(self.runner):
            time(BACKWARD, wrapper, 'backward')
            time(OPTIMIZER, wrapper, 'step')
            time(OPTIMIZER, wrapper, 'zero_grad')

    def run(self, iterations: int) -> Counter[str]:
        """Run iterations, and return the seconds of their parts."""
        with limited_threads(self.num_threads):
            for _ in range(iterations):
                with self.stopwatch.part(DATA):
                    batch = next(self._batches)
                with self.stopwatch.part(REST):
                    self.loop.run_iter(self._iteration, batch)
                self._iteration += 1
            return self.stopwatch.seconds()


def in_order(parts: Iterable[str]) -> list[str]:
    """Sort names of parts in the order of an iteration; heads keep theirs."""
    different = dict.fromkeys(parts)
    return sorted(different, key=lambda name: _ORDER.index(HEAD if name.startswith(HEAD) else name))


def optim_wrappers(runner: Runner) -> list[OptimWrapper]:
    """The wrappers of all optimizers."""
    wrapper = runner.optim_wrapper
    return list(wrapper.values()) if hasattr(wrapper, 'values') else [wrapper]
