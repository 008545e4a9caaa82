"""Explanations of an ablation for its readers, and its numbers as cells of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ricenet_v2.ablation.published import CITATION, REMARK
from ricenet_v2.ablation.values import METRICS
from ricenet_v2.records.ablation import Ablation, Change, Importance, SourceTable
from ricenet_v2.records.comparison import Pair
from ricenet_v2.records.metrics import Metric
from ricenet_v2.records.report import SectionTable

NONE = "-"
_MOST_NAMED = 3
SHAPLEY = (
    "Shapley value: the mean gain of a metric from adding the group, over all orders of adding "
    "groups; the values sum to the metric of all channels less that of none. No channel at all "
    "counts as AUROC 0.5, balanced accuracy 1 / classes, and the macro F1 of predicting the "
    "majority class of the training cases for every case."
)
PERMUTED = (
    "Permutation importance: what the trained model of all channels loses when a group comes from "
    "another patient of the same fold (test: of the test cases). It measures how much this one "
    "model relies on the group. The mixed patient is not a real one: the images no longer match."
)
ZEROED = (
    "Zeroed at prediction: the group is 0 everywhere after normalisation (mean of an MRI, 0 Gy "
    "of a dose). This answers another question: the networks never saw such images in training, so "
    "a loss mixes the information in the group with the unfamiliarity of a blank image."
)
OMITTED = (
    "Subsets that were not trained are listed: cases have none of their channels that shows the "
    "patient, and all subsets are compared on the same cases."
)
CHANCE = (
    "Intervals of metrics are over patients, by the methods of ricenet_evaluate; those of "
    "differences, Shapley values and losses contain the values that the permutation test by "
    "patient does not reject. None includes the variation between trainings, since each subset is "
    "trained once, with a single seed."
)


def number(value: float | None, *, sign: bool = False) -> str:
    """Three digits after the point, or a dash."""
    if value is None:
        return NONE
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def with_interval(
    value: float | None, low: float | None, high: float | None, *, sign: bool = False
) -> str:
    """`0.812 (0.700 to 0.890)`."""
    if low is None or high is None:
        return number(value, sign=sign)
    ends = f"{number(low, sign=sign)} to {number(high, sign=sign)}"
    return f"{number(value, sign=sign)} ({ends})"


def cases(table: SourceTable) -> str:
    """`80 cases of 80 patients: 48 recurrence, 32 radiation_effect`."""
    counts = ", ".join(f"{n} {name}" for name, n in table.class_counts.items())
    return f"{table.n_cases} cases of {table.n_patients} patients: {counts}"


def one_patient(table: SourceTable) -> str:
    """Caution on how coarse the metrics of a small set are; empty for a large one."""
    if table.n_patients >= 40:
        return ""
    return (
        f"The {table.source} metrics are fractions of {table.n_cases} cases: one case more or less "
        f"classified correctly moves the accuracy by {100 / table.n_cases:.0f} points."
    )


def metrics_table(table: SourceTable) -> SectionTable:
    """A row for each subset: its metrics."""
    rows = [(row.subset, *map(_metric, row.metrics)) for row in table.rows]
    title = f"{table.source.capitalize()} metrics of each subset ({cases(table)})"
    return SectionTable(title, ("subset", *METRICS), tuple(rows))


def differences_table(table: SourceTable, full: str) -> SectionTable:
    """A row for each subset: its differences to the model of all channels."""
    rows = [(row.subset, *map(_pair, row.differences)) for row in table.rows if row.differences]
    title = f"{table.source.capitalize()}: subset less {full}, with p of Holm over the subsets"
    pairs = [pair for row in table.rows for pair in row.differences]
    warnings = dict.fromkeys(part for pair in pairs for part in pair.warning.split("; ") if part)
    title += f" ({'; '.join(warnings)})" if warnings else ""
    names = [pair.metric for row in table.rows[-1:] for pair in row.differences]
    return SectionTable(title, ("subset", *names), tuple(rows))


def contributions_table(table: SourceTable) -> SectionTable:
    """A row for each group: its Shapley values."""
    cells: dict[str, list[str]] = {}
    for contribution in table.contributions:
        cells.setdefault(contribution.group, []).append(
            with_interval(contribution.value, contribution.low, contribution.high, sign=True)
        )
    ends = {
        part.metric: f"{part.metric}: {number(part.empty)} to {number(part.whole)}"
        for part in table.contributions
    }
    title = f"{table.source.capitalize()}: Shapley value of each group (from none to all: "
    return SectionTable(
        title + "; ".join(ends.values()) + ")",
        ("group", *METRICS),
        tuple((group, *row) for group, row in cells.items()),
    )


def importances_table(table: SourceTable, change: Change) -> SectionTable:
    """A row for each group: the loss of the full model."""
    losses = [loss for loss in table.importances if loss.change == change]
    cells: Mapping[str, list[str]] = {loss.group: [] for loss in losses}
    for loss in losses:
        cells[loss.group].append(_importance(loss))
    repeats = len(losses[0].repeats) if losses else 0
    many = f", mean of {repeats} repeats" if repeats > 1 else ""
    how = f"permuted{many}" if change == "permuted" else "zeroed"
    return SectionTable(
        f"{table.source.capitalize()}: loss of the model of all channels, group {how}",
        ("group", *METRICS),
        tuple((group, *row) for group, row in cells.items()),
    )


def published_table(ablation: Ablation) -> SectionTable:
    """The paper's macro F1 beside ours."""
    ours = {
        table.source: {row.subset: row.metrics[0] for row in table.rows}
        for table in ablation.tables
    }
    rows = []
    for row in ablation.published:
        here = [
            _metric(metric) if (metric := ours.get(source, {}).get(row.subset)) else NONE
            for source in ("out-of-fold", "test")
        ]
        paper = [_as_published(row.validation), _as_published(row.test)]
        rows.append((row.subset, paper[0], here[0], paper[1], here[1], row.remark))
    columns = ("subset", "paper, validation", "here, out-of-fold", "paper, test", "here, test",
               "remark")  # fmt: skip
    return SectionTable(f"Macro F1 beside the paper's own ({CITATION})", columns, tuple(rows))


def _as_published(value: float | None) -> str:
    """Value with the digits that the paper gives, at least two."""
    return NONE if value is None else f"{value:.3f}".removesuffix("0")


def omitted_table(ablation: Ablation) -> SectionTable:
    """A row for each subset that was not trained, since cases lack its channels."""
    title = "Not trained: cases that have none of the channels of a subset that shows the patient"
    rows = [(each.name, str(each.train), str(each.test)) for each in ablation.omitted]
    return SectionTable(title, ("subset", "training cases", "test cases"), tuple(rows))


def title_of(ablation: Ablation) -> str:
    """Title of the section; a report may have several of named subsets."""
    title, others = f"What each {ablation.by} contributes", ablation.subsets[1:]
    if len(others) + len(ablation.omitted) == 2 ** len(ablation.groups) - 2:
        return title
    named = ", ".join(subset.name for subset in others)
    return f"{title}: {named if len(others) <= _MOST_NAMED else f'{len(others)} subsets'}"


def summary_text(ablation: Ablation) -> str:
    """The text above the tables."""
    many = len(ablation.subsets)
    parts = [
        f"{many} subsets of the groups {', '.join(group.name for group in ablation.groups)} were "
        f"each trained on the same folds with the same plan, seed {ablation.seed} and "
        f"{ablation.epochs} epochs.",
        CHANCE,
        *(one_patient(table) for table in ablation.tables),
    ]
    if ablation.failed:
        parts.append(f"{len(ablation.failed)} trainings failed: {'; '.join(ablation.failed)}.")
    if ablation.omitted:
        parts.append(OMITTED)
    if any(table.contributions for table in ablation.tables):
        parts.append(SHAPLEY)
    elif many > 1:
        parts.append("Shapley values need every subset and are not given.")
    changes = {loss.change for table in ablation.tables for loss in table.importances}
    parts += [text for change, text in (("permuted", PERMUTED), ("zeroed", ZEROED))
              if change in changes]  # fmt: skip
    if ablation.published:
        parts.append(REMARK)
    return " ".join(part for part in (*parts, ablation.note) if part)


def all_tables(ablation: Ablation) -> tuple[SectionTable, ...]:
    """Every table, in the order of the page; a zeroed group stands behind all else."""
    tables: list[SectionTable] = []
    for table in ablation.tables:
        tables += [metrics_table(table), differences_table(table, ablation.full)]
        if table.contributions:
            tables.append(contributions_table(table))
    for change in get_args(Change):
        tables += [importances_table(table, change) for table in ablation.tables]
    if ablation.published:
        tables.append(published_table(ablation))
    tables.append(omitted_table(ablation))
    return tuple(table for table in tables if table.rows)


def _metric(metric: Metric) -> str:
    return with_interval(metric.value, metric.low, metric.high)


def _pair(pair: Pair) -> str:
    text = with_interval(pair.difference, pair.low, pair.high, sign=True)
    return f"{text}, p {number(pair.p_holm)}"


def _importance(loss: Importance) -> str:
    return with_interval(loss.value, loss.low, loss.high, sign=True)
