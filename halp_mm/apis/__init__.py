"""The functions that a script or a notebook calls."""

from halp_mm.apis.ablation import plan_runs
from halp_mm.apis.config import check_data_files, default_work_dir, load_config
from halp_mm.apis.evaluate import build_model, evaluate
from halp_mm.apis.features import ClipFeatures, extract_features
from halp_mm.apis.features_file import read_features, write_features
from halp_mm.apis.file_features import encode_files
from halp_mm.apis.gallery import Neighbour
from halp_mm.apis.inferencer import Inference, SkeletonInferencer
from halp_mm.apis.planned_runs import Evaluation, PlannedConfig, Run
from halp_mm.apis.recording import Segment, Timeline
from halp_mm.apis.results import make_fused_results, make_results, results_table, write_results
from halp_mm.apis.run_processes import do_runs
from halp_mm.apis.train import train, training_config
from halp_mm.lazy_names import lazy_names

__all__ = [
    'ClipFeatures',
    'Evaluation',
    'Inference',
    'Neighbour',
    'PlannedConfig',
    'Run',
    'Segment',
    'SkeletonInferencer',
    'Timeline',
    'build_model',
    'check_data_files',
    'default_work_dir',
    'do_runs',
    'draw_features',
    'encode_files',
    'evaluate',
    'extract_features',
    'load_config',
    'make_fused_results',
    'make_results',
    'plan_runs',
    'read_features',
    'results_table',
    'train',
    'training_config',
    'write_features',
    'write_results',
]

# Plotting is slow to import.
__getattr__ = lazy_names(__name__, {'draw_features': 'halp_mm.apis.feature_picture'})
