"""The command line of this process, as it may be written into files that are copied on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.core.places import without_home


def typed(words: Sequence[str] | None = None) -> tuple[str, ...]:
    """The program's name and its arguments, with `~` for the home folder.

    The name of the home folder may be that of a person. A command of this project has its name also
    where its module was run; another script that called it is named as one.

    Args:
        words: Program and arguments; those of this process where None.
    """
    words = sys.argv if words is None else words
    if not words:
        return ()
    return (*_program(Path(words[0])), *(without_home(word) for word in words[1:]))


def again(word: str) -> str:
    """The command of this process with one word more, for the text of an error.

    Args:
        word: An option, which is not repeated where it was given already.
    """
    words = typed()
    if not words or not words[0].startswith("ricenet_"):
        return f"the same command with {word}"
    return f"`{text_of(words if word in words else (*words, word))}`"


def _program(file: Path) -> tuple[str, ...]:
    if file.suffix != ".py":
        return (file.name,)
    is_ours = file.parts[-3:-1] == ("ricenet_v2", "cli")
    return (f"ricenet_{file.stem}",) if is_ours else ("python", file.name)


def text_of(words: Sequence[str]) -> str:
    """Words of `typed` as a line that a shell takes; a leading `~/` stays outside of quotes."""
    return " ".join(
        f"~/{shlex.quote(word[2:])}" if word[:2] == "~/" and word[2:] else shlex.quote(word)
        for word in words
    )
