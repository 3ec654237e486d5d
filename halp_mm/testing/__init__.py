"""Contract tests: what every encoder, head, transform and source promises to the rest.

A project with components of its own calls these checks in its tests. They raise an
``AssertionError`` that says which promise is broken. No test framework is needed.
"""

from halp_mm.testing.encoders import check_encoder
from halp_mm.testing.examples import example_clips
from halp_mm.testing.heads import check_head
from halp_mm.testing.readers import check_reader
from halp_mm.testing.transforms import check_transform

__all__ = ['check_encoder', 'check_head', 'check_reader', 'check_transform', 'example_clips']
