"""A function that helping processes run: they import this module, and nothing else for it."""

import multiprocessing
import os
import sys
import time


def parse_with_help(files):
    """Say where it is parsed. The caller waits for a helper, but not with the first recording."""
    (sign,) = files.paths
    if multiprocessing.parent_process() is not None:
        sign.touch()
    deadline = time.monotonic() + 60
    while files.name != '0' and not sign.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    modules = sorted({'torch', 'mmengine', 'matplotlib', 'cv2'} & set(sys.modules))
    raise ValueError(f'{sign} {files.name} {os.getpid()} {modules}')
