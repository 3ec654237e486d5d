"""PyTorch's optimizers without the import of its compiler.

Every optimizer imports ``torch._dynamo`` when it is made and when it steps, only to tell the
compiler to leave it alone. Where nothing is compiled, that import is a fifth of a training's
start-up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import torch
from torch.optim import Optimizer

COMPILER = 'torch._dynamo'
#: Methods of every optimizer that PyTorch hides from its compiler.
HIDDEN_METHODS = ('add_param_group', 'load_state_dict', 'state_dict', 'zero_grad')


@cache
def uncompiled(optimizer: type[Optimizer]) -> type[Optimizer]:
    """Derive an optimizer class that computes the same, and does not import the compiler.

    As soon as something else has imported the compiler, such as ``torch.compile``, PyTorch's own
    methods run. Methods that are not wrapped in the way known here, as those of another version of
    PyTorch or of a package may be, stay as they are: they import the compiler, and are otherwise
    no different.

    Args:
        optimizer: A class of ``torch.optim``, or one like them.

    Returns:
        A class of the same name, or the class itself if nothing can be left out.
    """
    methods: dict[str, Callable] = {}
    for name in HIDDEN_METHODS:
        method = getattr(optimizer, name)
        if is_made_in(method, 'torch._compile'):
            methods[name] = unless_compiling(method, method.__wrapped__)
    step: Any = optimizer.step
    if getattr(step, 'hooked', False):  # PyTorch adds the hooks to a class at its first instance
        step = step.__wrapped__
    if is_made_in(step, 'torch.optim.optimizer') and step.__code__.co_name == '_use_grad':
        methods['step'] = unless_compiling(step, with_differentiable_grad(step.__wrapped__))
    if not methods:
        return optimizer
    return type(optimizer.__name__, (optimizer,), {'__doc__': optimizer.__doc__, **methods})


def is_made_in(function: Any, module: str) -> bool:
    """Whether a function wraps another, and its wrapper is defined in a module."""
    is_wrapper = hasattr(function, '__wrapped__') and hasattr(function, '__globals__')
    return is_wrapper and function.__globals__.get('__name__') == module


def unless_compiling(hidden: Callable, plain: Callable) -> Callable:
    """The plain method, or the hidden one if the compiler has been imported."""

    @wraps(plain)
    def method(*args, **kwargs):
        return (hidden if COMPILER in sys.modules else plain)(*args, **kwargs)

    return method


def with_differentiable_grad(step: Callable) -> Callable:
    """A step that records gradients if the optimizer is differentiable, as PyTorch's does."""

    @wraps(step)
    def method(self: Optimizer, *args, **kwargs):
        with torch.set_grad_enabled(self.defaults['differentiable']):
            return step(self, *args, **kwargs)

    return method
