"""Help texts that can be read by themselves."""

import argparse
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from ricenet_v2 import __version__, cli
from ricenet_v2.cli import common

COMMANDS = sorted(
    module.name
    for module in pkgutil.iter_modules(cli.__path__)
    if hasattr(importlib.import_module(f"ricenet_v2.cli.{module.name}"), "build_parser")
)
FRAGMENTS = (
    *("of ", "that ", "in which ", "for ", "whose ", "else ", "which", "only ", "instead"),
    *("what ", "how ", "where ", "whether "),
)
"""What a text without a subject begins with."""


def test_all_commands_are_looked_at():
    assert {"plan_and_preprocess", "train", "predict", "evaluate", "explain"} <= {*COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_says_what_it_is(command):
    parser = importlib.import_module(f"ricenet_v2.cli.{command}").build_parser()
    for action in parser._actions:
        names = "/".join(action.option_strings) or action.dest
        assert action.help, names
        assert not action.help.startswith(FRAGMENTS), names


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_its_version(command, capsys):
    parser = importlib.import_module(f"ricenet_v2.cli.{command}").build_parser()
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ricenet_v2 {__version__}\n"


def test_defaults_are_shown_as_they_are_typed():
    parser = common.parser("")
    for name, value in (("--a", ["dose", "mri"]), ("--b", (4.5, 40.0)), ("--c", 0.9)):
        parser.add_argument(name, default=value, help="share in %%")
    text = " ".join(parser.format_help().split())
    for shown in ("dose mri", "4.5 40", "0.9"):
        assert f"share in % (default: {shown})" in text


@pytest.mark.parametrize(
    ("command", "former", "new", "words"),
    [
        ("report", "--parts", "sections", ["x", "y"]),
        ("evaluate", "--all_figures", "all_metrics", []),
    ],
)
def test_a_former_option_works_and_names_the_new_one(command, former, new, words, capsys):
    parser = importlib.import_module(f"ricenet_v2.cli.{command}").build_parser()
    options = vars(parser.parse_args(["1", former, *words]))
    assert options[new] == ([Path(word) for word in words] or True)
    assert f"{former} is called --{new}" in capsys.readouterr().err
    assert former not in parser.format_help()


@pytest.mark.parametrize("command", COMMANDS)
def test_only_what_is_a_value_is_shown_as_a_default(command):
    parser = importlib.import_module(f"ricenet_v2.cli.{command}").build_parser()
    text = " ".join(parser.format_help().split())
    for nothing in ("None", "False", "[]", "()", ""):
        assert f"(default: {nothing})" not in text
    assert not re.search(r"\(default: [^)]*[\[('\"]", text)  # as it is typed, not as Python has it
    for action in parser._actions:
        if action.default == 0 and not isinstance(action, argparse._StoreTrueAction):
            assert "(default: 0)" in text
