"""Classifiers: networks trained with labels."""

from halp_mm.models.classifiers.skeleton_classifier import SkeletonClassifier

__all__ = ['SkeletonClassifier']
