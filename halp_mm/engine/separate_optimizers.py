"""Several optimizers, each of some of a model's parameters, that step together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from mmengine.model import is_model_wrapper
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from halp_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS

#: The name of the optimizer of all parameters without one of their own.
MAIN = 'main'


class JointOptimWrapper(OptimWrapperDict):
    """Optimizers that take a step after one common backward pass.

    mmengine leaves it to a model's ``train_step`` to use several optimizers. Here they are used as
    one, so models, loops and hooks do not know how many there are. It takes a loss whose terms have
    gradients only to the parameters that they are meant for.

    Args:
        **optim_wrappers: The optimizers' wrappers by name, the main one first.
    """

    def __init__(self, **optim_wrappers: OptimWrapper) -> None:
        super().__init__(**optim_wrappers)
        self.main = optim_wrappers[MAIN]

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The context of the main optimizer."""
        with self.main.optim_context(model):
            yield

    def update_params(
        self, loss: Tensor, step_kwargs: dict | None = None, zero_kwargs: dict | None = None
    ) -> None:
        """Compute the gradients once, and let all optimizers take a step."""
        self.main.backward(self.main.scale_loss(loss))
        if self.main.should_update():
            for wrapper in self.values():
                wrapper.step(**(step_kwargs or {}))
                wrapper.zero_grad(**(zero_kwargs or {}))

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        """Tell the main optimizer, which counts, where training begins."""
        self.main.initialize_count_status(model, cur_iter, max_iters)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SeparateOptimizers(DefaultOptimWrapperConstructor):
    """Give some parameters an optimizer of their own, such as a discriminator's.

    The config names them by a part of their names. All schedules apply to all optimizers, each
    from its own learning rate, and so does the clipping of gradients::

        optim_wrapper = dict(
            type='OptimWrapper',
            constructor='SeparateOptimizers',
            optimizer=dict(type='Adam', lr=1e-3),
            separate=dict(discriminators=dict(type='Adam', lr=1e-4)),
        )

    Args:
        optim_wrapper_cfg: The config without ``constructor`` and ``paramwise_cfg``.
        paramwise_cfg: Must be None.

    Raises:
        ValueError: if the settings do not allow for several optimizers.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg:
            raise ValueError(
                'optim_wrapper.paramwise_cfg does not go with constructor=SeparateOptimizers; give '
                'the parameters an optimizer of their own in optim_wrapper.separate'
            )
        if optim_wrapper_cfg.get('type', 'OptimWrapper') != 'OptimWrapper':
            raise ValueError(
                f'optim_wrapper.type is {optim_wrapper_cfg["type"]!r}; SeparateOptimizers needs '
                "'OptimWrapper', which trains in full precision. Omit --amp"
            )
        settings = dict(optim_wrapper_cfg)
        self.separate = dict(settings.pop('separate', None) or {})
        if not self.separate or MAIN in self.separate:
            raise ValueError(
                'optim_wrapper.separate must be a dict of optimizers by a part of their '
                f"parameters' names, none of them {MAIN!r}, got {self.separate}"
            )
        super().__init__(settings)

    def __call__(self, model: nn.Module) -> JointOptimWrapper:
        """Build the optimizers of a model's parameters.

        Raises:
            ValueError: if a name stands for no parameter, or two stand for the same one.
        """
        model = cast('nn.Module', model.module) if is_model_wrapper(model) else model
        chosen: dict[str, list[nn.Parameter]] = {name: [] for name in (MAIN, *self.separate)}
        for name, parameter in model.named_parameters():
            fitting = [part for part in self.separate if part in name]
            if len(fitting) > 1:
                raise ValueError(
                    f'the parameter {name} fits {fitting} of optim_wrapper.separate; expected '
                    'names that do not overlap'
                )
            chosen[fitting[0] if fitting else MAIN].append(parameter)
        empty = [name for name, parameters in chosen.items() if not parameters]
        if empty:
            raise ValueError(
                f'optim_wrapper has an optimizer {empty[0]!r}, but no parameter of the model '
                f'is left for it; see optim_wrapper.separate: {list(self.separate)}'
            )
        wrapper_settings = {
            key: value for key, value in self.optim_wrapper_cfg.items() if key != 'type'
        }
        optimizers = {MAIN: self.optimizer_cfg, **self.separate}
        return JointOptimWrapper(
            **{
                name: OptimWrapper(
                    OPTIMIZERS.build({**optimizers[name], 'params': parameters}),
                    **wrapper_settings,
                )
                for name, parameters in chosen.items()
            }
        )
