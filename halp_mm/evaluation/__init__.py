"""Downstream evaluation of encoders."""

from halp_mm.evaluation.classifier import ClassifierProtocol
from halp_mm.evaluation.coordinates import CoordinatesProtocol, flat_coordinates
from halp_mm.evaluation.effective_rank import effective_rank
from halp_mm.evaluation.feature_clusters import cluster_nmi, tsne_points
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.few_shot import FewShotProtocol
from halp_mm.evaluation.finetune import FinetuneProtocol, TransferProtocol
from halp_mm.evaluation.fusion import fuse_scores
from halp_mm.evaluation.knn import KNNProtocol, knn_scores
from halp_mm.evaluation.label_draws import draw_labelled, draw_shots
from halp_mm.evaluation.linear import LinearProtocol
from halp_mm.evaluation.logistic_regression import logistic_regression_scores
from halp_mm.evaluation.metrics import confusion_matrix, top_k_accuracy
from halp_mm.evaluation.protocol import EvaluationResult, Protocol
from halp_mm.evaluation.recurrent import RecurrentProtocol
from halp_mm.evaluation.retrieval import RetrievalProtocol, retrieval_metrics, retrieve
from halp_mm.evaluation.scores_file import read_scores, write_scores
from halp_mm.evaluation.semi import SemiProtocol
from halp_mm.evaluation.trained_protocol import TrainedProtocol

__all__ = [
    'ClassifierProtocol',
    'CoordinatesProtocol',
    'EvaluationResult',
    'FewShotProtocol',
    'FinetuneProtocol',
    'KNNProtocol',
    'LinearProtocol',
    'Protocol',
    'RecurrentProtocol',
    'RetrievalProtocol',
    'SemiProtocol',
    'TrainedProtocol',
    'TransferProtocol',
    'cluster_nmi',
    'confusion_matrix',
    'draw_labelled',
    'draw_shots',
    'effective_rank',
    'extract_features',
    'flat_coordinates',
    'fuse_scores',
    'knn_scores',
    'logistic_regression_scores',
    'read_scores',
    'retrieval_metrics',
    'retrieve',
    'top_k_accuracy',
    'tsne_points',
    'write_scores',
]
