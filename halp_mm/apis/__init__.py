"""What a script or a notebook calls."""

from halp_mm.apis.config import check_data_files, default_work_dir, load_config
from halp_mm.apis.evaluate import build_model, evaluate, write_report
from halp_mm.apis.feature_picture import draw_features
from halp_mm.apis.pretrain import pretrain

__all__ = [
    'build_model',
    'check_data_files',
    'default_work_dir',
    'draw_features',
    'evaluate',
    'load_config',
    'pretrain',
    'write_report',
]
