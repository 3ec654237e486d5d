"""Every test looks at something: one without an assertion passes whatever happens."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CHECKS = ('assert', 'raises', 'warns', 'fail')
CONTRACTS = {'check_encoder', 'check_head', 'check_reader', 'check_transform'}  # halp_mm.testing


def looks(function: ast.FunctionDef) -> tuple[bool, set[str]]:
    """Whether a function asserts, and the names of what it calls."""
    nodes = list(ast.walk(function))
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    names = {getattr(call, 'attr', None) or getattr(call, 'id', '') for call in calls}
    asserts = any(isinstance(node, ast.Assert) for node in nodes)
    return asserts or any(name in CONTRACTS or name.startswith(CHECKS) for name in names), names


def without_assertion(trees: dict[str, ast.Module]) -> list[str]:
    """The tests that neither assert nor call one of the tests' functions that does."""
    found = {
        (file, node.name): looks(node)
        for file, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    asserting = {name for (_, name), (asserts, _) in found.items() if asserts}
    return [
        f'{file}: {name}'
        for (file, name), (asserts, names) in found.items()
        if name.startswith('test_') and not asserts and not asserting & names
    ]


def test_every_test_asserts():
    files = {str(path.relative_to(TESTS)): path for path in TESTS.rglob('*.py')}
    assert without_assertion({name: ast.parse(p.read_text()) for name, p in files.items()}) == []


@pytest.mark.parametrize(
    ('body', 'found'),
    [
        ('assert x', []),
        ('with pytest.raises(ValueError): x()', []),
        ('torch.testing.assert_close(x, x)', []),
        ('run_and_look(x)', []),
        ('look(x)', ['t.py: test_x']),
        ('x == 1', ['t.py: test_x']),
    ],
)
def test_what_counts_as_an_assertion(body, found):
    helpers = 'def look(x): return x\ndef run_and_look(x):\n    assert x\n'
    tree = ast.parse(f'{helpers}def test_x():\n    {body}\n')
    assert without_assertion({'t.py': tree}) == found
