"""halp_mm: action representations from skeletons, learned without labels."""

import multiprocessing

from halp_mm.version import __version__

if multiprocessing.parent_process() is None:  # a worker's parent has tried it
    try:
        import cv2  # noqa: F401 - mmengine needs it; failing here gives advice
    except ImportError as error:
        raise ImportError(
            f"OpenCV cannot be imported ({error}). Two of its wheels may have got in each other's "
            'way, or the one with windows lacks libGL. Repair it with: '
            'python -m pip install --force-reinstall --no-deps opencv-python-headless'
        ) from error

__all__ = ['__version__']
