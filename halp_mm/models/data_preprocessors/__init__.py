"""Data preprocessors, which turn batches into views and streams."""

from halp_mm.models.data_preprocessors.skeleton_preprocessor import (
    Draws,
    SkeletonPreprocessor,
    Views,
    build_preprocessor,
)

__all__ = ['Draws', 'SkeletonPreprocessor', 'Views', 'build_preprocessor']
