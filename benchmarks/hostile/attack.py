"""What an attack is: single attempts, each of a kind, that held or did not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile.commands import Answer
from ricenet_v2.core import documents
from ricenet_v2.records.integrity import Integrity

_FOREIGN = ("Traceback (most recent call last)", "This is a fault of the program")


@dataclass(frozen=True)
class Outcome:
    """One attempt.

    Attributes:
        kind: Row of the table.
        name: What was done, and where.
        held: Whether the program did what is promised.
        said: What it answered, in one line.
    """

    kind: str
    name: str
    held: bool
    said: str


@dataclass(frozen=True)
class Ground:
    """Folder of an attack, and how much of it is carried out.

    Attributes:
        folder: Folder for files; each attack has its own.
        share: Share of the attempts, 1 for all.
    """

    folder: Path
    share: float = 1.0

    @property
    def sound(self) -> Path:
        """Workspace of the sound cohort, which all attacks copy."""
        return self.folder.parent / "sound"

    def count(self, whole: int) -> int:
        """How many of so many attempts are made; at least one."""
        return max(1, round(whole * self.share))

    def chosen(self, items: Sequence[object]) -> list[int]:
        """Positions of the items that are tried, spread evenly."""
        number = self.count(len(items))
        return [place * len(items) // number for place in range(number)]


@dataclass(frozen=True)
class Attack:
    """Attempts with the words of their rows.

    Attributes:
        kinds: What "held" means, by kind.
        attempts: Makes them.
        limits: Why a kind may stay below all, by kind.
    """

    kinds: dict[str, str]
    attempts: Callable[[Ground], Iterator[Outcome]]
    limits: dict[str, str]


def is_foreign(text: str) -> bool:
    """Whether a command ended in an error that is not one of the program."""
    return any(words in text for words in _FOREIGN)


def is_named(answer: Answer, words: Sequence[str], report: Path | None = None) -> bool:
    """Whether a command ended with 1 or 2 and said all words in one passage.

    Args:
        answer: Answer of the command.
        words: Regular expressions, whatever the case of their letters.
        report: integrity.json, whose findings are passages too.
    """
    if answer.code not in (1, 2) or is_foreign(answer.text):
        return False
    return says(answer, words, report)


def says(answer: Answer, words: Sequence[str], report: Path | None = None) -> bool:
    """Whether all words stand in one passage of what was said."""
    return any(
        all(re.search(word, passage, re.IGNORECASE) for word in words)
        for passage in _passages(answer, report)
    )


def _passages(answer: Answer, report: Path | None) -> list[str]:
    before, *errors = re.split("^Error: ", answer.text, flags=re.MULTILINE)
    passages = [*before.splitlines(), *errors]
    if report is not None and report.is_file():
        seen = documents.read(Integrity, report)
        passages += [
            f"{finding.severity} {finding.check} {finding.case} {finding.file}: {finding.found}; "
            f"{finding.remedy}"
            for finding in seen.findings
        ]
    return passages


def short(answer: Answer, report: Path | None = None) -> str:
    """What was said, in one line."""
    code = "no end in time" if answer.code is None else f"exit code {answer.code}"
    last = [part.strip() for part in _passages(answer, report) if part.strip()]
    if answer.code == 0:
        last = [part for part in last if "warning" in part.lower()] or ["without a word"]
    text = " / ".join(last[-2:])
    if is_foreign(answer.text):
        text = f"TRACEBACK {text}"
    return f"{code}: {' '.join(text.split())[-600:]}"
