"""Every option that takes a number refuses what is none, what is negative and what has no end."""

import argparse
import importlib
import math
import pkgutil

import pytest

from ricenet_v2 import cli
from ricenet_v2.cli import numbers
from ricenet_v2.cli.evaluate import _edges, _prevalence

ABSURD = ("nan", "inf", "-inf", "1e300", "-1e300", "-1", "9" * 30, "9" * 5000, "", "x", "²", "0x1")


def _parsers():
    for module in pkgutil.iter_modules(cli.__path__):
        made = importlib.import_module(f"ricenet_v2.cli.{module.name}")
        if hasattr(made, "build_parser"):
            yield module.name, made.build_parser()


def _numeric():
    for command, parser in _parsers():
        for action in parser._actions:
            if action.type is not None and action.option_strings:
                yield pytest.param(action.type, id=f"{command} {action.option_strings[-1]}")


# Options without a type: names, and lists that their own readers take apart.
WORDS = {
    *("dataset", "plan", "channels", "device", "positive_class", "settings", "prior", "loggers"),
    *("subsets", "executor", "against", "runs", "subgroups", "target", "region", "group", "fold"),
    *("brain_command", "covariates", "holdout"),
}


def test_every_option_that_is_no_word_has_a_type():
    """An option without one is not looked at by the tests below."""
    untyped = {
        action.dest
        for _, parser in _parsers()
        for action in parser._actions
        if action.nargs != 0 and action.type is None and action.choices is None
    }
    assert untyped <= WORDS


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "nan", "AUTO", ""])
def test_a_number_of_processes_is_auto_or_from_1_on(text):
    assert (numbers.processes_or_auto("auto"), numbers.processes_or_auto("3")) == ("auto", "3")
    with pytest.raises(argparse.ArgumentTypeError, match="expected auto or a whole number from 1"):
        numbers.processes_or_auto(text)


def test_no_option_takes_a_bare_number():
    bare = [
        f"{command} {action.dest}"
        for command, parser in _parsers()
        for action in parser._actions
        if action.type in (int, float)
    ]
    assert bare == []


@pytest.mark.parametrize("kind", [p for p in _numeric() if p.values[0].__name__ == "number"])
@pytest.mark.parametrize("text", ABSURD)
def test_absurd_numbers_are_refused(kind, text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a"):
        kind(text)


@pytest.mark.parametrize("text", ["0", "1", "4", "0.5", "10"])
def test_sound_numbers_are_taken_by_some_option(text):
    taken = []
    for parameter in _numeric():
        kind = parameter.values[0]
        if kind.__name__ == "number":
            try:
                taken.append(kind(text))
            except argparse.ArgumentTypeError:
                continue
    assert taken
    assert all(float(value) == float(text) and math.isfinite(float(value)) for value in taken)


def test_no_threads_are_no_number_of_threads():
    with pytest.raises(argparse.ArgumentTypeError, match="1 to 1024, got '0'"):
        numbers.threads("0")
    assert numbers.workers("0") == 0


def test_edges_and_prevalences_are_finite_and_in_order():
    assert _edges("age=50,65") == ("age", (50.0, 65.0))
    assert _prevalence("a=0.3") == ("a", 0.3)
    for text in ("age=nan", "age=65,50", "age=50,50", "age=", "age", "=5", "age=1e999"):
        with pytest.raises(argparse.ArgumentTypeError):
            _edges(text)
    for text in ("nan", "0", "1", "a=inf", "a=", "-0.1"):
        with pytest.raises(argparse.ArgumentTypeError):
            _prevalence(text)
