"""Types that stand in signatures and fields of the Python interface, in words.

What is public itself, or belongs to Python, numpy or torch, is not described.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, Literal, Union

import ricenet_v2 as rn

_NAME = re.compile(r"\b[A-Z]\w*")
_LIMITS = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}
"""Words for limits of numbers, by the names of pydantic."""


def shown(annotation: object) -> str:
    """An annotation as it is written, without what `Annotated` adds to a type."""
    text = annotation if isinstance(annotation, str) else str(annotation).replace("'", "")
    return ast.unparse(_Bare().visit(ast.parse(text, mode="eval")))


class _Bare(ast.NodeTransformer):
    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "Annotated":
            return node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Name(node.attr)


def written_types(thing: Callable[..., Any]) -> list[str]:
    """Those of the arguments and the result of a function, or of the fields of a class."""
    if dataclasses.is_dataclass(thing):
        return [shown(field.type) for field in dataclasses.fields(thing)]
    if inspect.isclass(thing):
        return []
    signature = inspect.signature(thing)
    kinds = [each.annotation for each in signature.parameters.values()]
    return [shown(each) for each in (*kinds, signature.return_annotation) if isinstance(each, str)]


def described(things: Iterable[Callable[..., Any]]) -> dict[str, str]:
    """Types by name, each in a sentence or two.

    Args:
        things: Functions and classes of the interface.

    Raises:
        KeyError: An annotation names what its module does not hold.
    """
    words = {}
    for thing in things:
        spaces = _namespaces(thing)
        for name in {name for text in written_types(thing) for name in _NAME.findall(text)}:
            if name == "None" or name in rn.__all__:
                continue
            module = next(each for each in spaces if hasattr(each, name))
            value = getattr(module, name)
            if text := _words(name, value, module):
                words[name] = text
    return dict(sorted(words.items()))


def _namespaces(thing: Callable[..., Any]) -> list[types.ModuleType]:
    """The modules in which annotations were written, of bases too, and modules named in these."""
    kinds = thing.__mro__ if inspect.isclass(thing) else (inspect.unwrap(thing),)
    written = [sys.modules[kind.__module__] for kind in kinds]
    return [
        *written,
        *(each for home in written for each in vars(home).values() if inspect.ismodule(each)),
    ]


def _words(name: str, value: Any, module: types.ModuleType) -> str:
    home = _home(name, module)
    if home is None:
        return ""
    if inspect.isclass(value) and typing.get_origin(value) is None:
        return _class(value) if value.__module__.startswith("ricenet_v2.") else ""
    said = _said_of(name, home)
    return f"{_alias(value)}: {said}" if said else _alias(value)


def _home(name: str, module: types.ModuleType) -> types.ModuleType | None:
    """The module of this package that defines a name; None of what others define."""
    for node in _body(module):
        if isinstance(node, ast.ImportFrom) and name in {each.name for each in node.names}:
            source = str(node.module)
            return _home(name, sys.modules[source]) if source.startswith("ricenet_v2.") else None
    return module


def _class(kind: type) -> str:
    """The first sentence of its docstring, and the names of its fields."""
    first = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    names = [f.name for f in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    fields = ", ".join(f"`{name}`" for name in names)
    return f"{first} Fields: {fields}." if fields else first


def _alias(value: Any) -> str:
    origin, arguments = typing.get_origin(value), typing.get_args(value)
    if hasattr(value, "__metadata__"):
        return " ".join((_alias(arguments[0]), *_limits(value.__metadata__)))
    if origin is Literal:
        return ", ".join(f"`{each!r}`" for each in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_alias(each) for each in arguments)
    if origin is tuple:
        return f"`tuple[{', '.join(_alias(_bare(each)).strip('`') for each in arguments)}]`"
    if inspect.isclass(value) and origin is None:
        return f"`{value.__name__}`"
    text = re.sub(r"\b(?:[a-z_]\w*\.)+", "", str(value))
    return f"`{text}`"


def _bare(value: Any) -> Any:
    return typing.get_args(value)[0] if hasattr(value, "__metadata__") else value


def _limits(metadata: Iterable[Any]) -> Iterable[str]:
    for each in metadata:
        for limit in getattr(each, "metadata", ()):
            for key, words in _LIMITS.items():
                if hasattr(limit, key):
                    yield words.format(f"{getattr(limit, key):g}")


@functools.cache
def _body(module: types.ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


def _said_of(name: str, module: types.ModuleType) -> str:
    """The text below the line that defines a name."""
    for node, below in pairwise(_body(module)):
        if isinstance(node, ast.Assign) and _defines(node, name) and isinstance(below, ast.Expr):
            text = below.value.value if isinstance(below.value, ast.Constant) else ""
            return " ".join(str(text).split())
    return ""


def _defines(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def field_types(kind: type) -> Mapping[str, str]:
    """Annotations of the fields of a class by name; empty where it has none."""
    if not dataclasses.is_dataclass(kind):
        return {}
    return {field.name: shown(field.type) for field in dataclasses.fields(kind)}
