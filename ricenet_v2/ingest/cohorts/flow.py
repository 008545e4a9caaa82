"""Numbers of patients of a table that became cases or were excluded by each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ricenet_v2.ingest.cohorts.record import Cohort, ExcludedCase
from ricenet_v2.records.manifest import ManifestRow
from ricenet_v2.store.tables import write_rows

FLOW = "flow.csv"


@dataclass(frozen=True)
class FlowRow:
    """A step from the table to the cases.

    Attributes:
        step: `in the table`, `excluded`, `case` or `cell left open`.
        what: Units, rule or label.
        number: Number of patients or cases.
    """

    step: str
    what: str
    number: int


def flow_of(cohort: Cohort, outcome: Sequence[ManifestRow | ExcludedCase]) -> tuple[FlowRow, ...]:
    """The steps in their order: those in the table are those excluded and the cases together."""
    excluded = Counter(each.rule for each in outcome if isinstance(each, ExcludedCase))
    cases = [each for each in outcome if isinstance(each, ManifestRow)]
    labels = Counter(case.label for case in cases)
    n_open = sum(not all(case.images.values()) for case in cases)
    return (
        FlowRow("in the table", cohort.units, len(outcome)),
        *(FlowRow("excluded", rule, excluded[rule]) for rule in cohort.exclusions),
        *(FlowRow("case", label, labels[label]) for label in sorted(labels)),
        *([FlowRow("cell left open", "cases of which an image is to be chosen", n_open)]
          if n_open else []),
    )  # fmt: skip


def write_flow(path: Path, rows: Sequence[FlowRow]) -> None:
    """Write flow.csv.

    Raises:
        OSError: It cannot be written.
    """
    write_rows(
        path,
        [asdict(row) for row in rows],
        [each.name for each in fields(FlowRow)],
        is_private=True,
    )
