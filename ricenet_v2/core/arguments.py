"""Arguments of public functions, which are compared with their annotations before work begins."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union

from ricenet_v2.core.errors import OptionError
from ricenet_v2.core.options import check_choice

P = ParamSpec("P")
R = TypeVar("R")

_KINDS: dict[object, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    Path: ((os.PathLike,), "a path"),
    os.PathLike: ((os.PathLike,), "a path"),
    int: ((Integral,), "a whole number"),
    bool: ((Integral,), "True or False"),
    Sequence: ((Iterable,), "a list or tuple"),
    Mapping: ((Mapping,), "a dictionary"),
    Callable: ((Callable,), "a function"),  # type: ignore[dict-item]
    type(None): ((type(None),), "None"),
}
"""Meaning of an annotation: classes that fit it, and words."""
_NUMBERS = {int, float}
_REMEDIES = {
    "folds": "Several folds are a list, e.g. [0, 1]; None is for all.",
    "model": "rn.model_folder(DATASET, plan=PLAN) returns the folder of a model.",
}
"""Examples by the name of the argument."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Let a public function refuse arguments of the wrong kind before it does anything.

    Numbers and what is in a sequence, but words of a list, are left to the function, which knows
    their ranges. An argument that is missing or not known stays a `TypeError`, as of any function.

    Args:
        function: A function with annotations of all arguments.

    Returns:
        The same, which raises an `OptionError` that names the argument, what was expected and an
        example of a record of options.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        check(function, args, kwargs)
        return function(*args, **kwargs)

    return call


def check(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments of the wrong kind; see `checked`.

    Args:
        function: Function that is to be called with them.
        args: Positional arguments.
        kwargs: Keyword arguments.

    Raises:
        OptionError: Names the argument.
    """
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return  # the call says it with the name of the function
    hints = typing.get_type_hints(function)
    for name, value in bound.arguments.items():
        _check(name, value, hints[name])


def _check(name: str, value: object, hint: object) -> None:
    kinds = members(hint)
    if (choices := _choices(hint)) and isinstance(value, Collection) and not isinstance(value, str):
        check_choice(choices, **{f"{name}[{index}]": each for index, each in enumerate(value)})
    are_numbers = bool(_NUMBERS.intersection(kinds)) and str not in kinds
    if are_numbers or any(_fits(value, kind) for kind in kinds):
        return
    is_record = dataclasses.is_dataclass(value)
    raise OptionError(
        f"Invalid value for {name}.",
        expected=" or ".join(dict.fromkeys(_described(kind, value) for kind in kinds)),
        got=type(value).__name__ if is_record else f"{type(value).__name__}: {value!r}"[:200],
        remedy=_REMEDIES.get(name),
    )


def _choices(hint: object) -> tuple[str, ...]:
    """Words that a sequence may hold, where its annotation lists them."""
    for each in (hint, *typing.get_args(hint)):
        items = typing.get_args(each)
        if typing.get_origin(each) is Sequence and typing.get_origin(items[0]) is Literal:
            return typing.get_args(items[0])
    return ()


def members(hint: object) -> list[object]:
    """The kinds of a union without what is in them, e.g. `Sequence` of `Sequence[int] | None`."""
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return [kind for each in typing.get_args(hint) for kind in members(each)]
    return [hint if origin in (None, Literal) else origin]


def _fits(value: object, kind: object) -> bool:
    if typing.get_origin(kind) is Literal:
        return value in typing.get_args(kind)
    if kind is Sequence and isinstance(value, str | bytes | Mapping):
        return False
    classes = _KINDS[kind][0] if kind in _KINDS else (kind,)
    # Other annotations, such as type variables, are not judged.
    known = tuple(each for each in classes if isinstance(each, type) and each is not tuple)
    return not known or isinstance(value, known)


def _described(kind: object, value: object) -> str:
    if typing.get_origin(kind) is Literal:
        return " or ".join(map(repr, typing.get_args(kind)))
    if kind in _KINDS:
        return _KINDS[kind][1]
    name = getattr(kind, "__name__", str(kind))
    if not dataclasses.is_dataclass(kind):
        return f"an object of the class {name}"
    given = ", ".join(_example(kind, value))
    return f"a record rn.{name}, e.g. rn.{name}({given})"


def _example(kind: Any, value: object) -> Iterator[str]:
    """Option that a dictionary names, else the first one that has a default to show."""
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    if isinstance(value, Mapping) and {field.name for field in fields}.issuperset(value):
        yield from (f"{name}={each!r}" for name, each in value.items())
        return
    for field in fields:
        is_shown = isinstance(field.default, str | int | float) and field.default is not False
        if is_shown and field.default != "":
            yield f"{field.name}={field.default!r}"
            return
