"""Records of options, whose values are checked when they are made."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, cast

import pydantic
from pydantic import BeforeValidator, ConfigDict, ValidationError
from typing_extensions import dataclass_transform

from ricenet_v2.core.errors import OptionError

Class = TypeVar("Class", bound=type)
_CONFIG = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()  # as in JSON
    return str(value) if isinstance(value, int | float) else value


NumberOrText = Annotated[str | float, BeforeValidator(_as_text)]
"""Field of a record: text, or a number or truth value, which is kept as its text."""


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def options(cls: Class) -> Class:
    """Make a frozen dataclass whose fields are checked by their types.

    Making one with a wrong value raises an `OptionError` that names the field.
    """
    checked = pydantic.dataclasses.dataclass(cls, frozen=True, config=_CONFIG)
    make = checked.__init__

    @functools.wraps(make)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            make(self, *args, **kwargs)
        except ValidationError as error:
            first = error.errors()[0]
            raise OptionError(
                f"Invalid value for {'.'.join(map(str, (cls.__name__, *first['loc'])))}.",
                expected=first["msg"],
                got=repr(first["input"])[:200],
            ) from None

    checked.__init__ = init  # type: ignore[method-assign]
    return cast("Class", checked)


def check_whole(least: int = 1, **values: int | None) -> None:
    """Refuse what is no whole number from `least` on; None passes.

    Args:
        least: The smallest allowed value.
        values: Values by the names of the arguments.

    Raises:
        OptionError: Names the argument.
    """
    for name, value in values.items():
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and (not is_whole or value < least):
            expected = f"a whole number from {least} on"
            raise OptionError(f"Invalid value for {name}.", expected=expected, got=repr(value))


def check_positive(**values: float | None) -> None:
    """Refuse what is no finite number above 0; None passes.

    Args:
        values: Values by the names of the arguments.

    Raises:
        OptionError: Names the argument.
    """
    for name, value in values.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and math.isfinite(value) and value > 0):
            raise OptionError(
                f"Invalid value for {name}.", expected="a number above 0", got=repr(value)
            )


def check_choice(choices: Sequence[str], **values: str) -> None:
    """Refuse what is none of some words.

    Args:
        choices: The words.
        values: Values by the names of the arguments.

    Raises:
        OptionError: Names the argument.
    """
    for name, value in values.items():
        if value not in choices:
            expected = " or ".join(map(repr, choices))
            raise OptionError(f"Invalid value for {name}.", expected=expected, got=repr(value))


def check_resampling(n_bootstrap: int, seed: int) -> None:
    """Refuse a number of bootstrap samples below 1 and a random seed below 0.

    Raises:
        OptionError: Names the argument.
    """
    check_whole(n_bootstrap=n_bootstrap)
    check_whole(0, seed=seed)
