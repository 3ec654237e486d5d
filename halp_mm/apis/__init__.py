"""What a script or a notebook calls."""

from halp_mm.apis.config import check_data_files, default_work_dir, load_config
from halp_mm.apis.evaluate import build_model, evaluate
from halp_mm.apis.feature_picture import draw_features
from halp_mm.apis.pretrain import pretrain
from halp_mm.apis.report import make_fused_report, make_report, report_table, write_report

__all__ = [
    'build_model',
    'check_data_files',
    'default_work_dir',
    'draw_features',
    'evaluate',
    'load_config',
    'make_fused_report',
    'make_report',
    'pretrain',
    'report_table',
    'write_report',
]
