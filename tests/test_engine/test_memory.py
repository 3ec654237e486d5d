"""Freed memory is kept during a training."""

import ctypes
import os
import resource
import sys

import pytest
import torch

from halp_mm.engine import memory
from halp_mm.engine.memory import kept_memory


def page_faults() -> int:
    """What the system has to do for eight arrays of 16 MiB, made and freed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(4 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.fixture
def no_settings(monkeypatch):
    for name in list(os.environ):
        if name.startswith(memory._USERS_SETTINGS):
            monkeypatch.delenv(name)


@pytest.mark.skipif(sys.platform != 'linux', reason='glibc is a C library of Linux')
@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_arrays_are_taken_from_the_system_once(no_settings):
    if not hasattr(ctypes.CDLL(None), 'gnu_get_libc_version'):
        pytest.skip('another C library')
    with kept_memory():
        page_faults()
        assert page_faults() < 200
    assert page_faults() > 1000  # as by default


def test_settings_of_the_user_are_left_alone(no_settings, monkeypatch):
    monkeypatch.setenv('MALLOC_ARENA_MAX', '1')
    assert memory._glibc() is None
    with kept_memory():
        pass
