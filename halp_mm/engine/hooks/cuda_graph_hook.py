"""During a training on a GPU: encoders' passes as CUDA graphs."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.engine.distributed import model_of
from halp_mm.models import CudaGraphs, Pretrainer
from halp_mm.registry import HOOKS


@HOOKS.register_module()
class CudaGraphHook(Hook):
    """Record the encoders' passes once as CUDA graphs, and replay them in every step.

    A CPU then starts an encoder's thousand kernels at once. Results are those without the hook up
    to rounding. It is for a pre-training in one process, and gains where kernels are many and
    small: with BiGRUs and graph convolutions.
    """

    def before_train(self, runner: Runner) -> None:
        """Let the model record.

        Raises:
            ValueError: if there is no GPU, or the training does not allow graphs.
        """
        model = model_of(runner)
        problem = _problem(runner, model)
        if problem is not None:
            raise ValueError(f'CudaGraphHook: {problem}; omit the hook')
        runner.logger.info(f'CUDA graphs: of the encoders of {", ".join(model.encoders)}')
        model.graphs = CudaGraphs()

    def after_train(self, runner: Runner) -> None:
        """Give the graphs' memory back."""
        model_of(runner).graphs = None


def _problem(runner: Runner, model: object) -> str | None:
    """Why a training cannot use graphs."""
    if not isinstance(model, Pretrainer):
        return f'it is for pre-training, not for a {type(model).__name__}'
    if next(model.parameters()).device.type != 'cuda':
        return 'it needs a GPU, and the model is on the CPU'
    if runner.world_size > 1:
        return f'it is for one process, not for {runner.world_size}'
    if runner.cfg.optim_wrapper.get('accumulative_counts', 1) > 1:
        return 'a graph overwrites its gradients, and optim_wrapper.accumulative_counts adds up'
    return None
