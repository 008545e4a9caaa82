"""Findings of the integrity check."""

from __future__ import annotations

from typing import ClassVar, Literal

from ricenet_v2.core import html
from ricenet_v2.core.documents import record

KILLED, LATE = "killed process", "took too long"
"""Checks whose errors are of the machine, not of the data."""


@record
class Finding:
    """One fault of a dataset; `case` and `file` are empty where it concerns all."""

    severity: Literal["error", "warning"]
    check: str
    case: str
    file: str
    found: str
    expected: str
    remedy: str


@record
class Integrity:
    """The content of integrity.json.

    Attributes:
        dataset: Name of the dataset.
        n_cases: Cases that were checked.
        n_images: Files of images that were checked.
        findings: Errors and warnings.
    """

    document: ClassVar[str] = "integrity"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    dataset: str
    n_cases: int
    n_images: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid going on."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that a user should look at."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def is_of_machine(self) -> bool:
        """Whether there are errors, and all of them say nothing of the data."""
        return bool(self.errors) and all(each.check in (KILLED, LATE) for each in self.errors)

    def _repr_html_(self) -> str:
        """The findings, for notebooks."""
        columns = ("severity", "check", "case", "file", "found", "expected", "remedy")
        rows = [tuple(getattr(finding, name) for name in columns) for finding in self.findings]
        counts = f"{len(self.errors)} errors, {len(self.warnings)} warnings"
        title = f"{self.dataset}: {self.n_cases} cases, {self.n_images} images, {counts}"
        return html.table(title, columns, rows)
