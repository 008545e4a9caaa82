"""Mutated files of every kind for their readers, as `benchmarks.fuzz` makes them."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from benchmarks.fuzz import foreign, mutated
from benchmarks.hostile.attack import Attack, Ground, Outcome
from benchmarks.readers import readers

KIND = "mutations"
_NUMBER = 8400


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Read mutated files, as many of each kind."""
    every = readers()
    for number, reader in enumerate(every):
        random = Random(number)  # noqa: S311 - changes, no secrets
        for _ in range(-(-ground.count(_NUMBER) // len(every))):
            content = mutated(reader, random)
            with tempfile.TemporaryDirectory(dir=ground.folder) as folder, _silence():
                error = foreign(reader, Path(folder), content)
            said = "" if error is None else f"{type(error).__name__}: {str(error)[:200]}"
            yield Outcome(KIND, reader.name, error is None, said)


@contextmanager
def _silence() -> Iterator[None]:
    """Silence the log and what the libraries in C and C++ write."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        os.dup2(kept, 2)
        os.close(kept)


ATTACK = Attack(
    {KIND: "read, or refused by an error of the program; nothing else comes out of a reader"},
    attempts,
    {},
)
