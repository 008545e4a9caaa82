"""Making findings: where something is, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.records.integrity import Finding
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON


@dataclass(frozen=True)
class Place:
    """Location of a finding; empty texts mean the whole dataset.

    Attributes:
        case: Case id.
        file: File, relative to the dataset folder.
    """

    case: str = ""
    file: str = ""


DATASET = Place()
MISSING = "missing channel"
_CONTENT = 3
_STAGES = {
    1: (MISSING, "unreadable file", "unexpected file", "killed process", "took too long"),
    2: ("orientation", "geometry", "physical size", "no position", "tilted image"),
    4: ("same image in two cases", "same image in two channels", "labels of masks", "unusual size"),
}
"""Checks by the stage in which they are made; those that are not here judge the content."""


def error(check: str, place: Place, *, found: str, expected: str, remedy: str) -> Finding:
    """A finding that forbids going on."""
    return Finding("error", check, place.case, place.file, found, expected, remedy)


def warning(check: str, place: Place, *, found: str, expected: str, remedy: str) -> Finding:
    """A finding that a user should look at."""
    return Finding("warning", check, place.case, place.file, found, expected, remedy)


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sorted: errors first, what causes other findings before them, then by check, case and file.

    Independent of how they were found.
    """
    return tuple(
        sorted(
            findings,
            key=lambda f: (f.severity, _stage(f), f.check, f.case, f.file, f.found, f.remedy),
        )
    )


def _stage(finding: Finding) -> int:
    """Stage of a check: tables, files, geometry, content, comparison of cases."""
    if not finding.case or finding.file in (CASES_CSV, DATASET_JSON):
        return 0
    return next((n for n, checks in _STAGES.items() if finding.check in checks), _CONTENT)
