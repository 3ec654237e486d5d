"""Writers of logs that a full disk does not end: they say it once, and training goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from mmengine.logging import MMLogger
from mmengine.visualization import Visualizer


class SteadyWriter:
    """A writer that says its first OSError in the log, and then goes on.

    It has all methods and attributes of the writer.

    Args:
        writer: Such as the file of a log or a backend of the visualizer.
        place: What it writes, for the message.
        logger: It is told the first error.
    """

    def __init__(self, writer: Any, place: str, logger: MMLogger) -> None:
        self._writer = writer
        self._place = place
        self._logger = logger
        self._is_said = False

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._writer, name)
        return self._without_error(value) if callable(value) else value

    def _without_error(self, method: Callable) -> Callable:
        @wraps(method)
        def call(*args, **kwargs) -> Any:
            try:
                return method(*args, **kwargs)
            except OSError as error:
                if not self._is_said:
                    self._is_said = True  # before the warning, which may come here as well
                    self._logger.warning(
                        f'cannot write {self._place}: {error}. Training goes on; what cannot be '
                        'written is missing there'
                    )
            return None

        return call


def steady_log_files(logger: MMLogger) -> None:
    """Make the files of a logger steady.

    Args:
        logger: The logger, which is changed.
    """
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler) and not isinstance(
            handler.stream, SteadyWriter
        ):
            place = f'the log {handler.baseFilename}'
            handler.setStream(SteadyWriter(handler.stream, place, logger))


def steady_backends(visualizer: Visualizer, logger: MMLogger) -> None:
    """Make the backends of a visualizer steady.

    Args:
        visualizer: The visualizer, which is changed.
        logger: It is told the first error of each backend.
    """
    for name, backend in visualizer._vis_backends.items():
        if not isinstance(backend, SteadyWriter):
            place = f'{backend._save_dir} ({type(backend).__name__})'
            visualizer._vis_backends[name] = SteadyWriter(backend, place, logger)
    _keep_writing_threads_quiet()


@cache
def _keep_writing_threads_quiet() -> None:
    """Leave it to the backend to tell that TensorBoard's writing thread has failed."""
    former = threading.excepthook

    def excepthook(args: threading.ExceptHookArgs) -> None:
        is_known = issubclass(args.exc_type, OSError)
        if not (is_known and type(args.thread).__name__ == '_AsyncWriterThread'):
            former(args)

    threading.excepthook = excepthook
