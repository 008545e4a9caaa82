"""Small tables beside out-of-fold metrics: sample size, centres held out, training seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ricenet_v2.records.centres import Centres
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.sample_size import SampleSize
from ricenet_v2.records.seeds import SeedMetric, SeedVariance
from ricenet_v2.reporting.formatting import NOTHING, percent
from ricenet_v2.reporting.results.metric_tables import HEADLINE, Notes, ends, value

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SmallTable:
    """A table with a heading and what is to be known of it.

    Attributes:
        title: Heading above the table.
        note: Text below the heading.
        columns: Names of the columns.
        rows: Cells; the first is the name of the row.
        numbers: Places of the columns of numbers.
        notes: Warnings of rows.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: Rows
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()


def sample_size_tables(evaluation: Evaluation) -> Iterator[SmallTable]:
    """Precision with this number of patients, for each class (Riley et al. 2019, 2021)."""
    if not evaluation.sample_sizes:
        return
    rows = tuple(
        (
            f"{row.metric} of {size.class_name}",
            value(row.assumed),
            "too few patients" if row.says_nothing else ends(row.low, row.high),
            f"{row.target_width:g}",
            f"{row.n_needed:,}",
        )
        for size in evaluation.sample_sizes
        for row in size.precision
    )
    yield SmallTable(
        "Sample size",
        " ".join(map(_counts, evaluation.sample_sizes)),
        (
            "metric",
            "assumed",
            f"{percent(evaluation.level)} interval to be expected",
            "target width",
            "patients needed",
        ),
        rows,
        (1, 2, 3, 4),
    )


def _counts(size: SampleSize) -> str:
    return (
        f"{size.n_patients:,} patients, {size.n_of_class:,} of them with {size.class_name} "
        f"({percent(size.prevalence)} of the cases)."
    )


def centre_tables(centres: Centres) -> Iterator[SmallTable]:
    """The groups held out, and how far their metrics differ; the values are listed by fold."""
    notes = Notes()
    rows = tuple(
        (
            f"{centre.name} (fold {centre.fold})",
            *(f"{n:,}" for n in (centre.n_cases, centre.n_patients, *centre.n_of_class)),
            str(notes.mark(centre.warning) or ""),
        )
        for centre in centres.centres
    )
    columns = (centres.column, "cases", "patients", *centres.classes, "note")
    yield SmallTable(
        f"By {centres.column}: held out",
        f"Each {centres.column} is predicted by a model that it was held out of.",
        columns,
        rows,
        tuple(range(1, len(columns))),
        tuple(notes.texts),
    )
    yield SmallTable(
        f"By {centres.column}: lowest and highest",
        " ".join(
            heterogeneity.description(centres.column, centres.level)
            for heterogeneity in centres.heterogeneity
        ),
        ("metric", "lowest", "in", "highest", "in", "defined in"),
        tuple(
            (
                spread.metric,
                value(spread.lowest),
                spread.lowest_in,
                value(spread.highest),
                spread.highest_in,
                f"{spread.n} of {len(centres.centres)}",
            )
            for spread in centres.spreads
        ),
        (1, 3, 5),
    )


def seed_table(variance: SeedVariance) -> SmallTable:
    """The headline metrics of each training, and their spread."""
    by_name = {metric.name: metric for metric in variance.metrics}
    seeds = tuple(f"seed {seed}" for seed in variance.seeds)
    columns = (
        "metric",
        *seeds,
        "mean",
        "SD over seeds",
        "range",
        f"{percent(variance.level)} interval by patients, seed {variance.seeds[0]}",
    )
    return SmallTable(
        "Variation due to the training seed alone",
        f"{variance.agreement_text} {variance.meaning}",
        columns,
        tuple(_of_seeds(by_name[name]) for name in HEADLINE if name in by_name),
        tuple(range(1, len(columns))),
    )


def _of_seeds(metric: SeedMetric) -> tuple[str, ...]:
    return (
        metric.name,
        *map(value, metric.values),
        value(metric.mean),
        value(metric.sd),
        ends(metric.lowest, metric.highest),
        ends(metric.lows[0], metric.highs[0]) if metric.lows else NOTHING,
    )
