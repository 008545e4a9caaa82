"""The command line of this process, as it may be written into files that are copied on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def typed(words: Sequence[str] | None = None) -> tuple[str, ...]:
    """The program's name and its arguments, with `~` for the home folder.

    The name of the home folder may be that of a person.

    Args:
        words: Program and arguments; those of this process where None.
    """
    words = sys.argv if words is None else words
    if not words:
        return ()
    program = Path(words[0])
    stem = program.stem if program.suffix == ".py" else program.name
    name = stem if stem.startswith("ricenet_") or program.suffix != ".py" else f"ricenet_{stem}"
    home = str(Path.home())
    rest = [word.replace(home, "~") if len(home) > 1 else word for word in words[1:]]
    return (name, *rest)


def text_of(words: Sequence[str]) -> str:
    """Words of `typed` as a line that a shell takes; a leading `~/` stays outside of quotes."""
    return " ".join(
        f"~/{shlex.quote(word[2:])}" if word[:2] == "~/" and word[2:] else shlex.quote(word)
        for word in words
    )
