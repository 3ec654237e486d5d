"""What tests of several tools need."""

import multiprocessing
import sys
from types import SimpleNamespace

import pytest

from tests.tool_process import START_METHOD


@pytest.fixture
def forked(monkeypatch) -> None:
    """Runs in processes that have imported everything already; see tests/tool_process.py."""
    if START_METHOD == 'spawn':
        return
    get_context = multiprocessing.get_context

    class Forked(get_context('fork').Process):
        def run(self) -> None:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            super().run()

    def context(method: str | None = None):
        if method == 'forkserver':
            return SimpleNamespace(Process=Forked, set_forkserver_preload=lambda names: None)
        return get_context(method)

    monkeypatch.setattr(multiprocessing, 'get_context', context)
