"""Exporters trace every operation in a log, which pytest would collect."""

import logging

import pytest


@pytest.fixture(autouse=True, scope='package')
def no_trace():
    logger = logging.getLogger('torch.__trace')
    logger.disabled = True
    yield
    logger.disabled = False
