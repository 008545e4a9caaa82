"""The command line that work is done for, as it may be written into files that are copied on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ricenet_v2.core.places import without_home

_INVOCATION: ContextVar[tuple[str, ...]] = ContextVar("invocation", default=())


@contextmanager
def invoked(words: Sequence[str]) -> Iterator[None]:
    """Work for this command line inside the block; `invocation` returns it.

    A thread or process that is started inside the block does not know it.

    Args:
        words: Program and arguments.
    """
    token = _INVOCATION.set(portable(words))
    try:
        yield
    finally:
        _INVOCATION.reset(token)


def invocation() -> tuple[str, ...]:
    """The command line that work is done for, as `portable` spells it.

    Empty where a script uses the library: the script's own command line may hold what does not
    belong into a plan or a table of predictions.
    """
    return _INVOCATION.get()


def portable(words: Sequence[str]) -> tuple[str, ...]:
    """Program and arguments, with `~` for the home folder, whose name may be that of a person.

    A command of this project has its name also where its module was run; another script that called
    it is named as one.
    """
    if not words:
        return ()
    return (*_program(Path(words[0])), *(without_home(word) for word in words[1:]))


def again(word: str) -> str:
    """The present command with one word more, for the text of an error.

    Args:
        word: An option, which is not repeated where it was given already.
    """
    words = invocation()
    if not words or not words[0].startswith("ricenet_"):
        return f"the same command with {word}"
    return f"`{text_of(words if word in words else (*words, word))}`"


def _program(file: Path) -> tuple[str, ...]:
    if file.suffix != ".py":
        return (file.name,)
    is_ours = file.parts[-3:-1] == ("ricenet_v2", "cli")
    return (f"ricenet_{file.stem}",) if is_ours else ("python", file.name)


def text_of(words: Sequence[str]) -> str:
    """Words of `portable` as a line that a shell takes; a leading `~/` stays outside of quotes."""
    return " ".join(
        f"~/{shlex.quote(word[2:])}" if word[:2] == "~/" and word[2:] else shlex.quote(word)
        for word in words
    )
