"""Names of a package that are imported on first access."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Create the ``__getattr__`` of a package with names in modules that are slow to import.

    Args:
        package: The package's ``__name__``.
        modules: Modules by name.

    Example:
        >>> __getattr__ = lazy_names(__name__, {'prepare': 'halp_mm.preparation.prepare'})
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        return getattr(import_module(modules[name]), name)

    return get
