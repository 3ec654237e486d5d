"""Every kind of component that mmengine's Runner builds has a registry of this scope."""

import mmengine.runner.runner
import pytest
from mmengine.registry import Registry

from halp_mm.registry import SCOPE

#: Evaluation is a hook here.
OF_RUNNER = {
    name: value
    for name, value in vars(mmengine.runner.runner).items()
    if isinstance(value, Registry) and name != 'EVALUATOR'
}


@pytest.mark.parametrize('name', OF_RUNNER)
def test_runner_finds_a_registry(name):
    # Else mmengine warns of it; of model wrappers only where there is a GPU.
    assert SCOPE in OF_RUNNER[name].children
