"""The table of cases on the first page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ricenet_v2.reporting.case.page import CASES, page_name
from ricenet_v2.reporting.formatting import NOTHING
from ricenet_v2.reporting.results.predicted import PredictedCase
from ricenet_v2.reporting.results.sources import Sources


@dataclass(frozen=True)
class ResultCaseRow:
    """A row of the table of cases in words; `sort` and `spread` are numbers to sort by."""

    case_id: str
    href: str
    part: str
    truth: str
    predicted: str
    differs: bool
    probability: str
    sort: float
    members: str
    spread: float
    entropy: str
    flags: tuple[str, ...]


def case_columns(sources: Sources) -> list[tuple[str, bool]]:
    """Heads of the table, and whether a column holds numbers."""
    names = sources.dataset.classes
    two = len(names) == 2
    of = names[sources.dataset.positive_index] if two else "the predicted class"
    votes = {case.is_vote for result in sources.results for case in result.cases}
    what = {True: "share of votes for", False: "probability of"}
    value = " or ".join(what[is_vote] for is_vote in sorted(votes or {False}))
    return [
        ("case", False), ("set", False), ("truth", False), ("predicted", False),
        (f"{value} {of}", True), ("members", True), ("entropy", True), ("flags", False),
    ]  # fmt: skip


def case_rows(sources: Sources, flags: Mapping[str, tuple[str, ...]]) -> list[ResultCaseRow]:
    """A row per prediction, and one per case that was not predicted, sorted by case id."""
    names = sources.dataset.classes
    rows = [
        _row(case, sources, flags.get(case.page, ()))
        for result in sources.results
        for case in result.cases
    ]
    predicted = {case.page for result in sources.results for case in result.cases}
    rows += [
        ResultCaseRow(
            case.case_id, _href(case.case_id), NOTHING,
            case.label if case.label in names else NOTHING, NOTHING, False, NOTHING, -1.0,
            NOTHING, -1.0, NOTHING, flags.get(case.case_id, ()),
        )
        for case in sources.cases.values()
        if case.case_id not in predicted
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.case_id, row.part))


def _row(case: PredictedCase, sources: Sources, flags: tuple[str, ...]) -> ResultCaseRow:
    names = sources.dataset.classes
    two = len(names) == 2
    index = sources.dataset.positive_index if two else names.index(case.predicted)
    members = [values[index] for _, values in case.members]
    low, high = min(members, default=0.0), max(members, default=0.0)
    return ResultCaseRow(
        case_id=case.case_id,
        href=_href(case.page),
        part=case.part,
        truth=case.truth or NOTHING,
        predicted=case.predicted,
        differs=case.is_right is False,
        probability=f"{case.probabilities[index]:.2f}",
        sort=round(case.probabilities[index], 6),
        members=f"{low:.2f} to {high:.2f}" if len(members) > 1 else NOTHING,
        spread=round(high - low, 6),
        entropy=f"{abs(case.entropy):.2f}",
        flags=tuple(dict.fromkeys((*case.flags, *flags))),
    )


def _href(case_id: str) -> str:
    return f"{CASES}/{page_name(case_id)}"


def filters(rows: Sequence[ResultCaseRow]) -> list[tuple[str, list[str]]]:
    """Filters of the rows, with the existing values."""
    columns = {
        "set": [row.part for row in rows],
        "truth": [row.truth for row in rows],
        "predicted": [row.predicted for row in rows],
    }
    return [(name, sorted(set(values))) for name, values in columns.items()]
