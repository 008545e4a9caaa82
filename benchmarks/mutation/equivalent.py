"""Changes after which the program gives what it gave: no test can find them, each with its reason.

An entry is for one change of one line as it stands. Where the line is written anew, the entry must
be thought through and written anew too: the job, and a test, refuse one that is of no line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutation.nearest import PACKAGE

Place = tuple[str, str, int]
"""Module, operator and its occurrence."""


@dataclass(frozen=True)
class Equivalent:
    """A change that shows in no output.

    Attributes:
        module: Path below the package.
        operator: Name in `operators`.
        line: The line where the change begins, without its indent.
        becomes: What stands there afterwards; lines without their indent, joined by a space.
        reason: Why no output differs.
    """

    module: str
    operator: str
    line: str
    becomes: str
    reason: str

    def lines(self, root: Path) -> list[int]:
        """The lines of the module that read so, counted from 1."""
        source = (root / PACKAGE / self.module).read_text(encoding="utf-8")
        return [n for n, text in enumerate(source.splitlines(), 1) if text.strip() == self.line]


EQUIVALENT: tuple[Equivalent, ...] = (
    Equivalent(
        "evaluation/calibration_indices.py",
        "ReplaceTrueWithFalse",
        "for name, value, among in zip(names, values, chance, strict=True)",
        "for name, value, among in zip(names, values, chance, strict=False)",
        "there are three names, and three rows of distances in both arrays whatever the cases are",
    ),
    Equivalent(
        "planning/levels.py",
        "DropArgument",
        "_levels(channel, plan.normalisation) "
        "for channel, plan in zip(channels, plans, strict=True)",
        "_levels(channel, plan.normalisation) for channel, plan in zip(channels, plans)",
        "of unequal lengths, which no caller gives, one of the two next zips raises the same error",
    ),
    Equivalent(
        "preprocessing/axis.py",
        "NumberReplacer",
        "Order = Literal[1, 3]",
        "Order = Literal[1, 2]",
        "a type, which nothing looks at while the program runs",
    ),
    Equivalent(
        "preprocessing/pipeline.py",
        "DropArgument",
        "for target, channel in zip(preprocessed, making, strict=True):",
        "for target, channel in zip(preprocessed, making):",
        "as many channels are made as the record's shape has: both are those of the plan",
    ),
)


def reasons(root: Path, entries: tuple[Equivalent, ...] = EQUIVALENT) -> dict[Place, str]:
    """Why each of the listed changes is equivalent.

    Raises:
        ValueError: An entry is of no change that could be made, or of several.
    """
    from benchmarks.mutation.operators import positions, replacement

    reason: dict[Place, str] = {}
    for entry in entries:
        module, lines = f"{PACKAGE}/{entry.module}", entry.lines(root)
        source = (root / module).read_text(encoding="utf-8")
        places = [
            (module, name, occurrence)
            for name, occurrence, line in (positions(source) if lines else ())
            if name == entry.operator
            and line in lines
            and replacement(source, name, occurrence) == entry.becomes
        ]
        if len(places) != 1:
            raise ValueError(f"{len(places)} changes are what this entry says: {entry}")
        reason[places[0]] = entry.reason
    return reason
