"""Making findings: where something is, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.records.integrity import Finding


@dataclass(frozen=True)
class Place:
    """Where a finding is; empty texts mean the whole dataset.

    Attributes:
        case: Case id.
        file: File, relative to the dataset folder.
    """

    case: str = ""
    file: str = ""


DATASET = Place()


def error(check: str, place: Place, *, found: str, expected: str, remedy: str) -> Finding:
    """A finding that forbids going on."""
    return Finding("error", check, place.case, place.file, found, expected, remedy)


def warning(check: str, place: Place, *, found: str, expected: str, remedy: str) -> Finding:
    """A finding that a user should look at."""
    return Finding("warning", check, place.case, place.file, found, expected, remedy)


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sorted: errors first, then by check, case and file; independent of how they were found."""
    return tuple(
        sorted(findings, key=lambda f: (f.severity, f.check, f.case, f.file, f.found, f.remedy))
    )
