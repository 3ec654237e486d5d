"""A sample of :mod:`tests.wrong_configs`, which tries 500 by hand."""

from tests.wrong_configs import try_out


def test_wrong_configs_are_refused_by_a_sentence():
    outcomes, lines = try_out(40, seed=7)
    assert outcomes == {'refused': 40}, lines
