"""Downstream evaluation of encoders."""

from halp_mm.evaluation.classifier import ClassifierProtocol
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.knn import KNNProtocol, knn_scores
from halp_mm.evaluation.linear import LinearProtocol
from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.protocol import EvaluationResult, Protocol

__all__ = [
    'ClassifierProtocol',
    'EvaluationResult',
    'KNNProtocol',
    'LinearProtocol',
    'Protocol',
    'extract_features',
    'knn_scores',
    'top_k_accuracy',
]
