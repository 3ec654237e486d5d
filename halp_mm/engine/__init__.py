"""Runner, hooks and checkpoints of a training."""

from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.engine.distributed import init_distributed, leave_distributed
from halp_mm.engine.hooks import (
    CheckpointHook,
    ClassesHook,
    CudaGraphHook,
    DeferredRuntimeInfoHook,
    EvaluationHook,
    KNNEvaluationHook,
    NormalizeOnceHook,
    PrecisionProbeHook,
    RunIdentityHook,
    TrainingProgressHook,
)
from halp_mm.engine.log_visualizer import LogVisualizer
from halp_mm.engine.resume import resolve_checkpoint
from halp_mm.engine.run_identity import check_same_run, read_run_identity
from halp_mm.engine.runner import SkeletonRunner
from halp_mm.engine.saved_model import ModelDescription, SavedModel, load_model, save_model
from halp_mm.engine.separate_optimizers import JointOptimWrapper, SeparateOptimizers
from halp_mm.engine.stop import EXIT_STOPPED, TrainingStopped, parse_duration
from halp_mm.engine.train_loop import EpochBasedTrainLoop
from halp_mm.engine.weights import load_weights

__all__ = [
    'EXIT_STOPPED',
    'CheckpointHook',
    'ClassesHook',
    'CudaGraphHook',
    'DeferredRuntimeInfoHook',
    'EpochBasedTrainLoop',
    'EvaluationHook',
    'JointOptimWrapper',
    'KNNEvaluationHook',
    'LogVisualizer',
    'ModelDescription',
    'NormalizeOnceHook',
    'PrecisionProbeHook',
    'RunIdentityHook',
    'SavedModel',
    'SeparateOptimizers',
    'SkeletonRunner',
    'TrainingProgressHook',
    'TrainingStopped',
    'check_same_run',
    'init_distributed',
    'leave_distributed',
    'load_checkpoint_file',
    'load_model',
    'load_weights',
    'parse_duration',
    'read_run_identity',
    'resolve_checkpoint',
    'save_model',
]
