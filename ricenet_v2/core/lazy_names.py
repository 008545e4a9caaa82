"""Public names of a module whose modules are imported when a name is first used (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

_PACKAGE = "ricenet_v2"


def by_name(names: Mapping[str, str]) -> dict[str, str]:
    """The module of each name.

    Args:
        names: Names with spaces between them, by their module without `ricenet_v2.`.
    """
    return {name: module for module, text in names.items() for name in text.split()}


def lazily(namespace: dict[str, Any], modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The function `__getattr__` of a module.

    Args:
        namespace: `globals()` of the module, which holds a name from its first use on.
        modules: Module of each name, as `by_name` gives them.
    """

    def imported(name: str) -> Any:
        """Import what a public name stands for."""
        if name not in modules:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        value = getattr(import_module(f"{_PACKAGE}.{modules[name]}"), name)
        namespace[name] = value
        return value

    return imported
