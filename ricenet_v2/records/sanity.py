"""Checks that metrics are not too good to be true."""

from __future__ import annotations

from typing import ClassVar, Literal

from ricenet_v2.core.documents import Fields, Migration, record
from ricenet_v2.core.former_names import FormerName, rename
from ricenet_v2.records.metrics import Metric

Outcome = Literal["fine", "doubt", "not available"]


def _from_1(fields: Fields) -> Fields:
    """Metrics were called figures."""
    return rename(fields, "figures", "metrics", "checks")


@record
class SanityCheck:
    """One check.

    Attributes:
        name: E.g. `patients on both sides`, `label permutation`, `size and spacing only`.
        outcome: `fine`, `doubt` (look at it), or `not available`.
        found: Result in words.
        metrics: Where the check has some.
    """

    name: str
    outcome: Outcome
    found: str
    metrics: tuple[Metric, ...] = ()

    figures = FormerName("metrics")


@record
class Sanity:
    """The content of sanity.json, beside metrics.json.

    Attributes:
        title: Subject of the check.
        checks: Checks in the order of making.
        note: Intended use.
        checked_hash: SHA-256 of the predictions, truths and sizes of images that the checks rest
            on; empty in older files.
    """

    document: ClassVar[str] = "sanity"
    schema: ClassVar[int] = 2
    migrations: ClassVar[dict[int, Migration]] = {1: _from_1}
    has_checksum: ClassVar[bool] = True

    title: str
    checks: tuple[SanityCheck, ...]
    note: str = "Research use only. Not a medical device."
    checked_hash: str = ""
