"""halp_mm: action representations from skeletons, learned without labels."""

from halp_mm.version import __version__

__all__ = ['__version__']
