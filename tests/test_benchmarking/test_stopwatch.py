"""Times of parts that lie within each other."""

import pytest

from halp_mm.benchmarking import stopwatch
from halp_mm.benchmarking.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by one at each look."""
    looks = iter(range(100))
    monkeypatch.setattr(stopwatch.time, 'process_time', lambda: next(looks))


def test_the_time_of_an_inner_part_is_not_the_outer_ones(clock):
    watch = Stopwatch('cpu', 'cpu')
    inner = watch.timed('inner', lambda x: 2 * x)
    with watch.part('outer'):  # from 0 to 7
        assert inner(3) == 6  # from 1 to 2
        with watch.part('middle'):  # from 3 to 6
            inner(1)  # from 4 to 5
    assert watch.seconds() == {'outer': 7 - 1 - 3, 'inner': 2, 'middle': 3 - 1}
    assert watch.seconds() == {}


def test_a_part_that_fails_ends(clock):
    watch = Stopwatch('cpu', 'cpu')
    with pytest.raises(KeyError), watch.part('a'):
        raise KeyError
    with watch.part('b'):
        pass
    assert watch.seconds() == {'a': 1, 'b': 1}
