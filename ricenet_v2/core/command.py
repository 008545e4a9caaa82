"""The command line that work is done for, as it may be written into files that are copied on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ricenet_v2.core.places import without_home

_OPTION = re.compile(r"--\w+=|-[a-z](?=.)")
"""An option with its value in one word."""
_INVOCATION: ContextVar[tuple[str, ...]] = ContextVar("invocation", default=())
_IS_OF_ANOTHER_PROCESS: ContextVar[bool] = ContextVar("is_of_another_process", default=False)


@contextmanager
def invoked(command_line: Sequence[str]) -> Iterator[None]:
    """Work for this command line inside the block; `invocation` returns it.

    A thread that is started inside the block does not know it. Inside `on_behalf_of` it changes
    nothing.

    Args:
        command_line: Program and arguments.
    """
    if _IS_OF_ANOTHER_PROCESS.get():
        yield
        return
    token = _INVOCATION.set(portable(command_line))
    try:
        yield
    finally:
        _INVOCATION.reset(token)


@contextmanager
def on_behalf_of(command_line: Sequence[str]) -> Iterator[None]:
    """Work for the command line of the process that started this one, whatever is called here.

    Args:
        command_line: Command line that `invocation` returned there; empty if a script uses the
            library.
    """
    token, mark = _INVOCATION.set(tuple(command_line)), _IS_OF_ANOTHER_PROCESS.set(True)
    try:
        yield
    finally:
        _INVOCATION.reset(token)
        _IS_OF_ANOTHER_PROCESS.reset(mark)


@contextmanager
def renamed(paths: Mapping[Path, str]) -> Iterator[None]:
    """Let the command line name some paths by other words inside the block.

    Args:
        paths: Replacement of each path whose name may be that of a person.
    """
    words = {_place(str(path)): word for path, word in paths.items()}
    token = _INVOCATION.set(tuple(_renamed(argument, words) for argument in _INVOCATION.get()))
    try:
        yield
    finally:
        _INVOCATION.reset(token)


def _renamed(argument: str, words: Mapping[Path, str]) -> str:
    option = _OPTION.match(argument)
    start = option.group() if option else ""
    return start + words.get(_place(argument[len(start) :]), argument[len(start) :])


def _place(path: str) -> Path:
    """The same for a path from here and from the root; its beginning may be `~` already."""
    return Path(path if path.startswith("~") else without_home(str(Path(path).absolute())))


def invocation() -> tuple[str, ...]:
    """The command line that work is done for, as `portable` spells it.

    Empty where a script uses the library: the script's own command line may hold what does not
    belong into a plan or a table of predictions.
    """
    return _INVOCATION.get()


def portable(command_line: Sequence[str]) -> tuple[str, ...]:
    """Program and arguments, with `~` for the home folder, whose name may be that of a person.

    A command of this project has its name also where its module was run; another script that called
    it is named as one.
    """
    if not command_line:
        return ()
    return (
        *_program(Path(command_line[0])),
        *(without_home(argument) for argument in command_line[1:]),
    )


def again(option: str) -> str:
    """The present command with one word more, for the text of an error.

    Args:
        option: An option, which is not repeated where it was given already.
    """
    command_line = invocation()
    if not command_line or not command_line[0].startswith("ricenet_"):
        return f"the same command with {option}"
    return f"`{text_of(command_line if option in command_line else (*command_line, option))}`"


def _program(file: Path) -> tuple[str, ...]:
    if file.suffix != ".py":
        return (file.name,)
    is_ours = file.parts[-3:-1] == ("ricenet_v2", "cli")
    return (f"ricenet_{file.stem}",) if is_ours else ("python", file.name)


def text_of(command_line: Sequence[str]) -> str:
    """Words of `portable` as a line that a shell takes; a leading `~/` stays outside of quotes."""
    return " ".join(
        f"~/{shlex.quote(argument[2:])}"
        if argument[:2] == "~/" and argument[2:]
        else shlex.quote(argument)
        for argument in command_line
    )
