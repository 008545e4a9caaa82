"""Common behaviour of public functions: arguments are checked, and errors speak Python.

Messages name commands and their options. Whoever calls a function reads behind them how the same is
said there, e.g. `--continue: rn.TrainOptions(resume=True)`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import ricenet_v2
from ricenet_v2.core.arguments import check, members
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import RicenetError

P = ParamSpec("P")
R = TypeVar("R")

_COMMAND = re.compile(r"\bricenet_([a-z]+(?:_[a-z]+)*)\b")
_OPTION = re.compile(r"(?<![\w-])(?:--([a-z]\w*)|-([a-z])\b)")
_PART = re.compile(r"[.,;:]\s")
_OF_MODEL = ("plan", "channels")
"""Options that choose the folder of a model, which functions take as an argument."""
_VALUES = {"model": "rn.model_folder(...)"}
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "ablate": ("ablate",),
    "baseline": ("baseline",),
    "benchmark": ("benchmark",),
    "calibrate": ("calibrate",),
    "compare": ("compare",),
    "convert": ("convert_cases", "convert_table", "scan_studies"),
    "demo": ("write_cohort",),
    "evaluate": ("evaluate", "evaluate_seeds"),
    "explain": ("explain",),
    "fuse": ("fuse",),
    "plan_and_preprocess": ("plan", "preprocess"),
    "predict": ("predict",),
    "report": ("report",),
    "train": ("train", "train_folds"),
}
"""Public names, by the name of their command without `ricenet_`."""
ARGUMENTS = {
    "c": "channels",
    "continue": "resume",
    "d": "dataset",
    "f": "folds",
    "i": "source",
    "logger": "loggers",
    "m": "model",
    "maps": "kinds",
    "max_mb": "max_megabytes",
    "num_folds_parallel": "num_parallel",
    "o": "output",
    "p": "plan",
    "parts": "sections",
    "permutation_repeats": "repeats",
    "prevalence": "prevalences",
    "preview_augmentation": "preview_only",
    "random_label_model": "control",
    "sensitivity": "sensitivities",
    "set": "overrides",
    "specificity": "specificities",
}
"""Python names of options that are no argument of the same name."""
OPPOSITES = {"no_tta": "mirror", "no_brain_masks": "brain_masks"}
"""Python names of options that set an argument to False."""


def public(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function part of the Python interface.

    Args:
        function: A function with annotations of all arguments.

    Returns:
        The same, which raises an `OptionError` where an argument is of the wrong kind, and whose
        errors say what the commands and options in them are in Python, unless a command calls it.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            check(function, args, kwargs)
            return function(*args, **kwargs)
        except RicenetError as error:
            if not invocation():
                text = f"{error.expected or ''}; {error.remedy or ''}"
                error.set_python(in_python(text, function))
            raise

    return call


def in_python(text: str, function: Callable[..., Any]) -> str:
    """Python names of the commands and options in a message.

    Args:
        text: Text of the message.
        function: Function that raised it.

    Returns:
        E.g. `--continue: resume=True; ricenet_train: rn.train, rn.train_folds`; empty where there
        are none.
    """
    words: dict[str, str] = {}
    callees = _callees(text)
    for part in _PART.split(text):
        # An option behind a command is of that command.
        nearest = _callees(part)
        words |= {f"ricenet_{name}": _listed(each) for name, each in nearest.items()}
        order = (*_each(nearest), function, *_each(callees))
        for option in _OPTION.finditer(part):
            taken = (_argument(option[1] or option[2], callee) for callee in order)
            if argument := next(filter(None, taken), ""):
                words[option[0]] = argument
    return "; ".join(f"{option}: {argument}" for option, argument in words.items())


def _callees(text: str) -> dict[str, tuple[str, ...]]:
    """Names of functions, by the command in the text that they are in Python."""
    commands = dict.fromkeys(_COMMAND.findall(text))
    return {command: FUNCTIONS[command] for command in commands if command in FUNCTIONS}


def _each(callees: dict[str, tuple[str, ...]]) -> Iterator[Callable[..., Any]]:
    for names in callees.values():
        yield from (getattr(ricenet_v2, name) for name in names)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"rn.{name}" for name in names)


def _argument(option: str, function: Callable[..., Any]) -> str:
    """Argument by which a function or the record of its options takes an option; empty for none."""
    name = OPPOSITES.get(option, ARGUMENTS.get(option, option))
    by_record = _arguments(function)
    if name in _OF_MODEL and "model" in by_record[""]:
        return f"rn.model_folder(..., {name}=...)"
    for record, kinds in by_record.items():
        if name in kinds:
            value = _VALUES.get(name, "...")
            if kinds[name] == [bool]:
                value = str(option not in OPPOSITES)
            return f"rn.{record}({name}={value})" if record else f"{name}={value}"
    return ""


def _arguments(function: Callable[..., Any]) -> dict[str, dict[str, list[object]]]:
    """Kinds of the arguments of a function by name, and of its options by name of the record."""
    hints = typing.get_type_hints(function)
    hints.pop("return", None)
    kinds = {"": {name: members(hint) for name, hint in hints.items()}}
    for record in _records(hints):
        options = typing.get_type_hints(record)
        kinds[record.__name__] = {name: members(hint) for name, hint in options.items()}
    return kinds


def _records(hints: dict[str, Any]) -> Iterator[type]:
    """Public records among the kinds of arguments, each before those that it holds."""
    for hint in hints.values():
        for kind in members(hint):
            is_public = getattr(kind, "__name__", "") in ricenet_v2.__all__
            if inspect.isclass(kind) and is_public and dataclasses.is_dataclass(kind):
                yield kind
                yield from _records(typing.get_type_hints(kind))
