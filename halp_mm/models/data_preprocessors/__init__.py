"""Data preprocessors: batches to views and streams."""

from halp_mm.models.data_preprocessors.skeleton_preprocessor import SkeletonPreprocessor, Views

__all__ = ['SkeletonPreprocessor', 'Views']
