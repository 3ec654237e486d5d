"""How problems are told: by kind, cut, with the advice that fits."""

from halp_mm.problems import BAD_FILE, BAD_LABEL, BadDataError, Problem


def test_many_problems_of_two_kinds():
    problems = [Problem(BAD_LABEL, f'line {i}') for i in range(30)]
    problems.insert(7, Problem(BAD_FILE, 'a.npy is empty'))
    error = BadDataError(problems)
    assert error.problems == problems
    assert str(error).splitlines() == [
        'raw data with 31 problems:',
        '  30 bad labels:',
        *(f'    line {i}' for i in range(20)),
        '    and 10 more',
        '  1 bad files:',
        '    a.npy is empty',
        'Correct the labels, get the bad files again, or skip them with --skip-bad',
    ]


def test_advice_fits_the_kind():
    error = str(BadDataError([Problem(BAD_LABEL, 'line 3')]))
    assert error.endswith('\nCorrect the labels, or skip them with --skip-bad')
    error = str(BadDataError([Problem('a kind of my own', 'x: mend it')]))
    assert error.splitlines()[1:] == [
        '  1 a kind of my own:',
        '    x: mend it',
        'Or skip them with --skip-bad',
    ]
