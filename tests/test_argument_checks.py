"""Checks of arguments: what passes, and the sentence for what does not."""

import math
import re

import pytest

from halp_mm.argument_checks import (
    check_at_least,
    check_choice,
    check_count,
    check_different,
    check_flag,
    check_fraction,
    check_positive,
    check_range,
)


def test_what_fits_passes():
    assert check_count(size=1, layers=3) is None
    assert check_count(0, epoch=0) is None
    assert check_positive(temperature=1e-9, size=3) is None
    assert check_at_least(0, weight=0, other=0.5) is None
    assert check_fraction(low=0, high=1, between=0.5) is None
    assert check_fraction(above_zero=True, below_one=True, between=0.5) is None
    assert check_choice(['a', None], first='a', second=None) is None
    assert check_flag(first=True, second=False) is None
    assert check_range(degrees=(0, 30), ratio=[0.5, 0.5]) is None
    assert check_different(streams=['joint', 'bone']) is None


@pytest.mark.parametrize('value', [0, -1, 1.0, '1', None, True, math.nan])
def test_counts_are_whole_numbers(value):
    expected = f'^size must be a whole number of at least 1, got {re.escape(repr(value))}$'
    with pytest.raises(ValueError, match=expected):
        check_count(good=5, size=value)


@pytest.mark.parametrize('value', [0, -0.1, math.nan, math.inf, '0.1', None, True, [1]])
def test_positive_numbers_are_finite(value):
    with pytest.raises(ValueError, match='temperature must be a finite number above 0, got'):
        check_positive(temperature=value)


@pytest.mark.parametrize('value', [-0.1, math.nan, math.inf, '1', None, False])
def test_numbers_of_at_least_are_finite(value):
    with pytest.raises(ValueError, match='weight must be a finite number of at least 0, got'):
        check_at_least(0, weight=value)


@pytest.mark.parametrize('value', [-0.1, 1.1, math.nan, '0.5', None, True])
def test_fractions_lie_between_0_and_1(value):
    with pytest.raises(ValueError, match=r'dropout must be a number within \[0, 1\], got'):
        check_fraction(dropout=value)


def test_ends_of_a_fraction_can_be_refused():
    with pytest.raises(ValueError, match=r'momentum must be a number within \[0, 1\), got 1'):
        check_fraction(below_one=True, momentum=1)
    with pytest.raises(ValueError, match=r'ratio must be a number within \(0, 1\], got 0'):
        check_fraction(above_zero=True, ratio=0)


def test_choices_are_listed():
    with pytest.raises(ValueError, match="pooling must be 'last' or 'mean', got 'max'"):
        check_choice(['last', 'mean'], pooling='max')
    with pytest.raises(ValueError, match='pooling must be'):
        check_choice(['last', 'mean'], pooling=['last'])


@pytest.mark.parametrize('value', [0, 1, None, 'True'])
def test_flags_are_true_or_false(value):
    with pytest.raises(ValueError, match='shuffle must be True or False, got'):
        check_flag(shuffle=value)


@pytest.mark.parametrize('value', [(1, 0), (0,), (0, 1, 2), 3, 'ab', (0, math.nan), None])
def test_ranges_have_the_smaller_end_first(value):
    with pytest.raises(ValueError, match='degrees must be a range of two finite numbers'):
        check_range(degrees=value)


@pytest.mark.parametrize('value', [[], 'joint', ['joint', 'joint'], [1], None])
def test_names_are_different(value):
    with pytest.raises(ValueError, match='streams must be a list of different names'):
        check_different(streams=value)
