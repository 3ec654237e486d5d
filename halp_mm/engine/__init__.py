"""What runs a training: runner, hooks, checkpoints."""

from halp_mm.engine.checkpoint import load_checkpoint_file, load_weights
from halp_mm.engine.distributed import init_distributed, leave_distributed
from halp_mm.engine.hooks import (
    ClassesHook,
    DeferredRuntimeInfoHook,
    EvaluationHook,
    KNNEvaluationHook,
    NormalizeOnceHook,
    RunIdentityHook,
    TrainingProgressHook,
)
from halp_mm.engine.run_identity import check_same_run, read_run_identity
from halp_mm.engine.runner import SkeletonRunner

__all__ = [
    'ClassesHook',
    'DeferredRuntimeInfoHook',
    'EvaluationHook',
    'KNNEvaluationHook',
    'NormalizeOnceHook',
    'RunIdentityHook',
    'SkeletonRunner',
    'TrainingProgressHook',
    'check_same_run',
    'init_distributed',
    'leave_distributed',
    'load_checkpoint_file',
    'load_weights',
    'read_run_identity',
]
