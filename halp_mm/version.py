"""The version of halp_mm, in one place."""

__version__ = '0.2.0'
