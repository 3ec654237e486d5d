"""Hooks of the training loop."""

from halp_mm.engine.hooks.buffers_hook import BuffersHook
from halp_mm.engine.hooks.checkpoint_hook import CheckpointHook
from halp_mm.engine.hooks.classes_hook import ClassesHook
from halp_mm.engine.hooks.cuda_graph_hook import CudaGraphHook
from halp_mm.engine.hooks.deferred_runtime_info_hook import DeferredRuntimeInfoHook
from halp_mm.engine.hooks.evaluation_hook import EvaluationHook, KNNEvaluationHook
from halp_mm.engine.hooks.normalize_once_hook import NormalizeOnceHook
from halp_mm.engine.hooks.plain_checkpoint_hook import PlainCheckpointHook
from halp_mm.engine.hooks.precision_probe_hook import PrecisionProbeHook
from halp_mm.engine.hooks.preflight_hook import PreflightHook
from halp_mm.engine.hooks.run_identity_hook import RunIdentityHook
from halp_mm.engine.hooks.training_progress_hook import TrainingProgressHook

__all__ = [
    'BuffersHook',
    'CheckpointHook',
    'ClassesHook',
    'CudaGraphHook',
    'DeferredRuntimeInfoHook',
    'EvaluationHook',
    'KNNEvaluationHook',
    'NormalizeOnceHook',
    'PlainCheckpointHook',
    'PrecisionProbeHook',
    'PreflightHook',
    'RunIdentityHook',
    'TrainingProgressHook',
]
