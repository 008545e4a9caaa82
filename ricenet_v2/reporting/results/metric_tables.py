"""Metrics as tables of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ricenet_v2.core.decimals import decimals
from ricenet_v2.core.decimals import ends as interval_ends
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.identity import is_identity
from ricenet_v2.records.metrics import Evaluation, Metric, MetricGroup, Threshold
from ricenet_v2.reporting.formatting import NOTHING, percent

HEADLINE = ("macro F1", "AUROC", "balanced accuracy", "Brier score")
_KINDS = {
    "repeat": "By repeat of the folds",
    "fold": "By fold",
    "member": "By member of the ensemble",
    "subgroup": "By subgroup",
}
_GROUP = re.compile(
    r"(.+?)(?: = (.*)| below \S+| \S+(?: to below \S+| or more)| not known)", re.DOTALL
)


class Notes:
    """Warnings of a table, each stated once below it; rows carry its number."""

    def __init__(self) -> None:
        """Start without warnings."""
        self.texts: list[str] = []

    def mark(self, warning: str) -> int:
        """Number of a warning, 0 where there is none."""
        if not warning:
            return 0
        if warning not in self.texts:
            self.texts.append(warning)
        return self.texts.index(warning) + 1


@dataclass(frozen=True)
class MetricRow:
    """One metric in words; `note` is the number of its warning, 0 for none."""

    name: str
    value: str
    interval: str
    n: str
    method: str
    note: int


@dataclass(frozen=True)
class GroupTable:
    """Sets of metrics of one kind: a row per set (name, cases, patients, cells, note).

    `cuts` says where covariates that are numbers are cut, in words.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, str, tuple[str, ...], int], ...]
    notes: tuple[str, ...]
    cuts: str = ""


def without_identities(evaluation: Evaluation, cases: Iterable[Case]) -> Evaluation:
    """The evaluation without subgroups of covariates that may reveal somebody's identity.

    Args:
        evaluation: The evaluation as it was written.
        cases: Cases of the dataset, which have the values of its covariates.
    """
    cells: dict[str, list[str]] = {}
    for case in cases:
        for name, cell in case.covariates.items():
            cells.setdefault(name, []).append(cell)
    for column, value in map(_column, evaluation.groups):
        cells.setdefault(column, []).append(value)
    kept = tuple(group for group in evaluation.groups if not _is_identity(group, cells))
    cuts = tuple(
        cut
        for cut in evaluation.cuts
        if not is_identity(cut.covariate, cells.get(cut.covariate, ()))
    )
    return replace(evaluation, groups=kept, cuts=cuts)


def _is_identity(group: MetricGroup, cells: Mapping[str, Sequence[str]]) -> bool:
    column, _ = _column(group)
    return group.kind == "subgroup" and is_identity(column, cells[column])


def _column(group: MetricGroup) -> tuple[str, str]:
    """Covariate and value of `site = A`; no value where the group is a range."""
    match = _GROUP.fullmatch(group.name)
    return (match[1], match[2] or "") if match else (group.name, "")


def metric_rows(metrics: Sequence[Metric], notes: Notes) -> list[MetricRow]:
    """Each metric with its interval, count and method; warnings go to `notes`."""
    return [
        MetricRow(
            name=metric.name,
            value=value(metric.value),
            interval=interval(metric),
            n=f"{metric.n:,}",
            method="; ".join(filter(None, (metric.method, metric.package))),
            note=notes.mark(metric.warning),
        )
        for metric in metrics
    ]


def value(number: float | None) -> str:
    """A number with three decimals; a dash for None."""
    return NOTHING if number is None else decimals(number)


def interval(metric: Metric) -> str:
    """The interval of a metric, e.g. `0.512 to 0.893`."""
    return ends(metric.low, metric.high)


def ends(low: float | None, high: float | None) -> str:
    """The ends of an interval, three decimals each; a dash without an interval."""
    return interval_ends(low, high, NOTHING)


def flag(metric: Metric) -> str:
    """A short warning of a metric that stands alone, without the notes of its table."""
    if "few " in metric.warning:
        return "few cases: a rough guide"
    return "with a warning" if metric.warning else ""


def headline(evaluation: Evaluation) -> list[Metric]:
    """The metrics that are shown first, as far as they are there."""
    by_name = {metric.name: metric for metric in evaluation.metrics}
    return [by_name[name] for name in HEADLINE if name in by_name]


def group_tables(evaluation: Evaluation) -> list[GroupTable]:
    """A table per kind of set."""
    tables = []
    for kind, title in _KINDS.items():
        groups = [group for group in evaluation.groups if group.kind == kind]
        if not groups:
            continue
        names = [
            name for name in HEADLINE if any(name == f.name for g in groups for f in g.metrics)
        ]
        notes = Notes()
        rows = tuple(_row(group, names, notes) for group in groups)
        cuts = "; ".join(cut.description for cut in evaluation.cuts) if kind == "subgroup" else ""
        tables.append(GroupTable(title, tuple(names), rows, tuple(notes.texts), cuts))
    return tables


def _row(
    group: MetricGroup, names: Sequence[str], notes: Notes
) -> tuple[str, str, str, tuple[str, ...], int]:
    by_name = {metric.name: metric for metric in group.metrics}
    cells = tuple(_cell(by_name.get(name)) for name in names)
    n_cases, n_patients = f"{group.n_cases:,}", f"{group.n_patients:,}"
    return group.name, n_cases, n_patients, cells, notes.mark(group.warning)


def _cell(metric: Metric | None) -> str:
    if metric is None or metric.value is None:
        return NOTHING
    if metric.low is None or metric.high is None:
        return value(metric.value)
    return f"{metric.value:.2f} ({metric.low:.2f} to {metric.high:.2f})"


def threshold_columns(thresholds: Sequence[Threshold]) -> list[str]:
    """Names of the metrics at the thresholds, in their order, without the class's name."""
    return list(
        dict.fromkeys(_short(metric.name, t.class_name) for t in thresholds for metric in t.metrics)
    )


def threshold_rows(
    thresholds: Sequence[Threshold], columns: Sequence[str]
) -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    """Name, class, probability, what it was chosen on, a cell per column."""
    rows = []
    for threshold in thresholds:
        by_name = {
            _short(metric.name, threshold.class_name): metric for metric in threshold.metrics
        }
        cells = tuple(_cell(by_name.get(name)) for name in columns)
        rows.append(
            (
                threshold.name,
                threshold.class_name,
                value(threshold.value),
                threshold.chosen_on,
                cells,
            )
        )
    return rows


def _short(name: str, class_name: str) -> str:
    return name.removesuffix(f" of {class_name}")


def confusion_rows(
    classes: Sequence[str], confusion: Sequence[Sequence[int]]
) -> list[tuple[str, tuple[tuple[int, str, int], ...], int]]:
    """Truth, then count, share of the row and depth of its shade (0 to 60), then the row's sum."""
    rows = []
    for name, counts in zip(classes, confusion, strict=True):
        total = sum(counts)
        cells = tuple(
            (n, percent(n / total) if total else NOTHING, round(60 * n / total) if total else 0)
            for n in counts
        )
        rows.append((name, cells, total))
    return rows
