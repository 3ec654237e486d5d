"""The Runner of the package, which extends mmengine's."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from mmengine.dist import broadcast_object_list, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import BaseLoop, Runner
from mmengine.visualization import Visualizer
from torch import nn

from halp_mm.atomic_write import atomic_write, replace_durably
from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.engine.checkpoint_file import seal_checkpoint_file
from halp_mm.engine.distributed import init_distributed, model_of
from halp_mm.engine.finite import find_not_finite
from halp_mm.engine.hooks.buffers_hook import BuffersHook
from halp_mm.engine.hooks.classes_hook import ClassesHook
from halp_mm.engine.hooks.data_on_device_hook import DataOnDeviceHook
from halp_mm.engine.hooks.model_description_hook import ModelDescriptionHook
from halp_mm.engine.hooks.plain_checkpoint_hook import PlainCheckpointHook
from halp_mm.engine.hooks.preflight_hook import PreflightHook
from halp_mm.engine.hooks.run_identity_hook import RunIdentityHook
from halp_mm.engine.hooks.training_progress_hook import TrainingProgressHook
from halp_mm.engine.log_writers import steady_backends, steady_log_files
from halp_mm.engine.resume import (
    STOPPED,
    check_no_checkpoints,
    check_resumable,
    newest_checkpoint,
    note_last_checkpoint,
    read_last_checkpoint,
)
from halp_mm.engine.run_facts import check_data, config_differences, data_facts, flat_config
from halp_mm.engine.stop import StopRequest, TrainingStopped, parse_duration
from halp_mm.engine.train_loop import EpochBasedTrainLoop
from halp_mm.engine.weights import RUN, load_encoders, load_state
from halp_mm.partial_files import remove_dead_partial_files
from halp_mm.registry import RUNNERS

#: Names of the hooks that a Runner has by default.
MMENGINE_HOOKS = frozenset(
    ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
)


@RUNNERS.register_module()
class SkeletonRunner(Runner):
    """A Runner that gives models the training progress, and that can be killed at any moment.

    Its checkpoints are written atomically, hold only tensors and plain containers, and record the
    config and data they were made with. It stops after any iteration, by a signal or after the
    config's ``stop_after``, and a resumed run continues there. It can train on several CPUs.
    """

    stop = StopRequest()
    _quiet: Sequence[tuple[logging.Handler, int]] = ()
    _saved_at: tuple[int, int] | None = None
    _run: dict | None = None

    @property
    def last_checkpoint(self) -> Path | None:
        """The last checkpoint written to the work directory, or None."""
        return read_last_checkpoint(self.work_dir)

    @property
    def log_file(self) -> Path:
        """The text of the log."""
        return Path(self.log_dir, f'{self.timestamp}.log')

    def register_default_hooks(self, hooks: dict[str, Hook | dict | None] | None = None) -> None:
        """Register hooks by name, besides mmengine's own; one that is None is omitted."""
        kept = {
            name: hook
            for name, hook in (hooks or {}).items()
            if hook is not None or name in MMENGINE_HOOKS
        }
        super().register_default_hooks(kept)

    def register_hooks(self, *args, **kwargs) -> None:
        """Register the config's hooks, and the hooks that every training needs."""
        super().register_hooks(*args, **kwargs)
        self.register_hook(PreflightHook())
        self.register_hook(DataOnDeviceHook())
        self.register_hook(BuffersHook())
        self.register_hook(ClassesHook())
        self.register_hook(TrainingProgressHook())
        self.register_hook(RunIdentityHook())
        self.register_hook(ModelDescriptionHook())
        self.register_hook(PlainCheckpointHook())

    def setup_env(self, env_cfg: dict) -> None:
        """Set up the environment, after the processes have been connected."""
        init_distributed(self._launcher)
        super().setup_env(env_cfg)

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger, whose file is UTF-8 on all systems and on a disk that may get full.

        Until the Runner is built, the terminal shows warnings only: environment, config and hooks
        go to the file.
        """
        logger = super().build_logger(*args, **kwargs)
        terminals = []
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.stream.reconfigure(encoding='utf-8')
            else:
                terminals.append((handler, handler.level))
                handler.setLevel(max(handler.level, logging.WARNING))
        self._quiet = terminals
        steady_log_files(logger)
        return logger

    def build_visualizer(self, visualizer: Visualizer | dict | None = None) -> Visualizer:
        """Build the visualizer, whose backends may fail to write."""
        visualizer = super().build_visualizer(visualizer)
        steady_backends(visualizer, self.logger)
        return visualizer

    def dump_config(self) -> None:
        """Write the config into the work directory, the last thing that is done to build a Runner.

        Raises:
            OSError: if it cannot be written.
        """
        if is_main_process():
            name = Path(self.cfg.filename or f'{self.timestamp}.py').name
            with atomic_write(Path(self.work_dir, name)) as partial:
                self.cfg.dump(partial)
        for handler, level in self._quiet:
            handler.setLevel(level)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap the model for distributed training, which has no device ids on CPUs."""
        if self.distributed and model_wrapper_cfg is None:
            # Looking for parameters without gradient costs time in every step.
            idle = getattr(model, 'has_idle_parameters', False)
            model_wrapper_cfg = {'broadcast_buffers': False, 'find_unused_parameters': idle}
            if not torch.cuda.is_available():
                return MMDistributedDataParallel(module=model, **model_wrapper_cfg)
        return super().wrap_model(model_wrapper_cfg, model)

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the loop; a loop over epochs can continue within an epoch."""
        if isinstance(loop, dict) and loop.get('by_epoch'):
            settings = {key: value for key, value in loop.items() if key != 'by_epoch'}
            return EpochBasedTrainLoop(self, self._train_dataloader, **settings)
        return super().build_train_loop(loop)

    def train(self) -> nn.Module:
        """Train.

        Raises:
            TrainingStopped: if training was stopped and saved before its end.
            ValueError: if there is nothing to resume from, or training has diverged.
        """
        stop_after = self.cfg.get('stop_after')
        seconds = None if stop_after is None else parse_duration(stop_after)
        with StopRequest(seconds) as self.stop:
            return super().train()

    def save_and_stop(self) -> None:
        """Save the training, and end it.

        Raises:
            TrainingStopped: always.
        """
        where = (self.epoch, self.iter)
        if self._saved_at == where:
            path = self.last_checkpoint
        else:
            path = Path(self.work_dir, STOPPED)
            meta = {'epoch': self.epoch, 'iter': self.iter}
            self.save_checkpoint(self.work_dir, STOPPED, meta=meta, by_epoch=False)
            if is_main_process():
                note_last_checkpoint(path, self.work_dir)
        self.logger.info(
            f'stopped after {self.iter} iterations, {self.epoch} whole epochs: {self.stop.reason}. '
            f'All of it is saved in {path}; continue with --resume'
        )
        self.visualizer.close()
        self.stop.wait_for_others()
        raise TrainingStopped(self.stop.exit_status)

    def save_checkpoint(
        self, out_dir: str, filename: str, *args, meta: dict | None = None, **kwargs
    ) -> None:
        """Save under a temporary name, then rename, so that the file is always complete.

        Raises:
            OSError: if it cannot be written.
            ValueError: if weights or the optimiser's state are NaN or infinite; they would replace
                good ones.
        """
        self._check_finite(filename, kwargs.get('save_optimizer', True))
        partial = f'{filename}.{os.getpid()}.partial'
        partial_path = os.path.join(out_dir, partial)
        meta = {**(meta or {}), RUN: self.run_facts()}
        try:
            super().save_checkpoint(out_dir, partial, *args, meta=meta, **kwargs)
            if os.path.exists(partial_path):  # other ranks than the first write nothing
                seal_checkpoint_file(partial_path)
                replace_durably(partial_path, os.path.join(out_dir, filename))
        except OSError as error:
            raise OSError(
                f'cannot write the checkpoint {os.path.join(out_dir, filename)}: {error}. '
                'Make room or choose another --work-dir, then continue with --resume'
            ) from error
        finally:
            if os.path.exists(partial_path):
                os.remove(partial_path)
        self._saved_at = (meta.get('epoch', self.epoch), meta.get('iter', self.iter))

    def load_or_resume(self) -> None:
        """Load weights or resume, as the config says; otherwise check that nothing is overwritten.

        Raises:
            FileNotFoundError: if there is no such checkpoint.
            ValueError: if it cannot be read or does not fit, or a new run would overwrite another.
        """
        if self._has_loaded:
            return
        self._has_loaded = True
        checkpoint = self._on_main_process(self._choose_checkpoint)
        if checkpoint is not None:
            self.resume(checkpoint)
            return
        encoder = self.cfg.get('load_encoder_from')
        if self._load_from is not None and encoder is not None:
            raise ValueError('load_from and load_encoder_from are both set; expected one of them')
        if self._load_from is not None and not self._resume:
            self.load_checkpoint(self._load_from)
        elif encoder is not None:
            for line in load_encoders(model_of(self), encoder):
                self.logger.info(line)

    def load_checkpoint(self, filename: str, map_location: str = 'cpu', *args, **kwargs) -> dict:
        """Load weights, which must fit exactly.

        Raises:
            ValueError: if they are of another model.
        """
        checkpoint = load_checkpoint_file(filename, map_location)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        load_state(model_of(self), checkpoint, filename)
        count = len(checkpoint.get('state_dict', checkpoint))
        self.logger.info(f'all {count} tensors of the model are loaded from {filename}')
        return checkpoint

    def resume(self, filename: str, *args, **kwargs) -> None:
        """Continue from a checkpoint, and log which settings come from it or the config.

        Raises:
            ValueError: if it was made with another model or other data, or lacks something.
        """
        meta = self._check_resumed(load_checkpoint_file(filename), filename)
        super().resume(filename, *args, **kwargs)
        sampler = self.train_dataloader.sampler
        if meta.get('seed') is not None and getattr(sampler, 'seed', None) is not None:
            sampler.seed = self.seed
        self._find_place(meta)

    def run_facts(self) -> dict:
        """The config and data of this run, in plain containers, for its checkpoints."""
        if self._run is None:
            self._run = {
                'config': flat_config(self.cfg.to_dict()),
                'data': data_facts(self.cfg),
                'streams': dict(getattr(model_of(self), 'sources', {})),
                'world_size': get_world_size(),
                'iterations_per_epoch': len(self.train_dataloader),
            }
        return self._run

    def _choose_checkpoint(self) -> str | None:
        """Choose the checkpoint to resume from, and remove temporary files of killed runs."""
        for path in remove_dead_partial_files(self.work_dir):
            self.logger.info(f'removed {path.name}, which a killed process had not finished')
        if not self._resume:
            check_no_checkpoints(self.work_dir)
            return None
        if self._load_from is not None:
            return self._load_from
        newest = newest_checkpoint(self.work_dir, self.logger.warning)
        if newest is None:
            self.logger.info(f'{self.work_dir} holds no checkpoints: the run starts anew')
            return None
        return os.fspath(newest)

    def _on_main_process(self, choose: Callable[[], str | None]) -> str | None:
        """Choose in the first process, for all processes."""
        choice: list = [None, None]
        if is_main_process():
            try:
                choice[0] = choose()
            except (OSError, ValueError) as error:
                choice[1] = f'{error}'
        broadcast_object_list(choice)
        if choice[1] is not None:
            raise ValueError(choice[1])
        if choice[0] is not None and '://' not in choice[0] and not Path(choice[0]).is_file():
            raise FileNotFoundError(
                f'there is no checkpoint {choice[0]}; the work directory has to be on a file '
                'system that all machines share'
            )
        return choice[0]

    def _check_resumed(self, checkpoint: dict, filename: str) -> dict:
        """Compare a checkpoint with this run, and return its metadata."""
        check_resumable(checkpoint, filename, self._optimized_parameters())
        load_state(model_of(self), checkpoint, filename)
        meta = checkpoint['meta']
        then, now = meta.get(RUN), self.run_facts()
        if not isinstance(then, dict):
            self.logger.warning(
                f'{filename} does not say what it was made with: whether the config and the data '
                'are still the same is not known'
            )
            return meta
        check_data(then['data'], now['data'], filename)
        for line in config_differences(then['config'], now['config'], filename):
            self.logger.warning(f'resumed with another config: {line}')
        for key, what in (
            ('world_size', 'processes'),
            ('iterations_per_epoch', 'iterations an epoch'),
        ):
            if then[key] != now[key]:
                self.logger.warning(
                    f'resumed with {now[key]} {what}, it had {then[key]}: that of now is used'
                )
        return meta

    def _find_place(self, meta: dict) -> None:
        """Set where the loop continues: within the epoch if its batches are still the same."""
        if not isinstance(self.train_loop, EpochBasedTrainLoop):
            return
        now = self.run_facts()
        then = meta.get(RUN, now)
        steps = now['iterations_per_epoch']
        epoch, iteration = meta['epoch'], meta['iter']
        key = 'train_dataloader.batch_size'
        is_same = all(then[k] == now[k] for k in ('world_size', 'iterations_per_epoch'))
        done = iteration - epoch * then['iterations_per_epoch']
        if not is_same or then['config'].get(key) != now['config'].get(key) or RUN not in meta:
            if done and RUN in meta:
                self.logger.warning(
                    f'epoch {epoch + 1} begins again: {done} of its iterations were done, but its '
                    'batches are others now'
                )
            done = 0
            iteration = epoch * steps
        self.train_loop.go_on_from(epoch, iteration, done)
        if epoch >= self.max_epochs:
            self.logger.info(f'all {self.max_epochs} epochs are done already')

    def _check_finite(self, filename: str, saves_optimizer: bool) -> None:
        """Refuse to save a training that has diverged."""
        optimizer = self.optim_wrapper.state_dict() if saves_optimizer else None
        weights = model_of(self).state_dict()
        name = find_not_finite(weights, optimizer, self._optimized_parameters())
        if name is not None:
            raise ValueError(
                f'{name} has entries that are NaN or infinite after {self.iter} iterations: '
                f'training has diverged and stops, and {filename} is not written. Try a smaller '
                'learning rate'
            )

    def _optimized_parameters(self) -> list[str]:
        """The names of the optimiser's parameters, in its order."""
        names = {id(value): name for name, value in model_of(self).named_parameters()}
        optimizer = getattr(self.optim_wrapper, 'optimizer', None)
        groups = [] if optimizer is None else optimizer.param_groups
        return [names.get(id(value), '?') for group in groups for value in group['params']]
