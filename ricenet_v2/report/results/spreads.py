"""Small tables beside out-of-fold figures: sample size, centres held out, training seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ricenet_v2.records.centres import Centres
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.sample_size import SampleSize
from ricenet_v2.records.seeds import SeedMetric, SeedVariance
from ricenet_v2.report.formatting import NOTHING, percent
from ricenet_v2.report.results.metric_tables import HEADLINE, Notes, ends, value

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SmallTable:
    """A table with a heading and what is to be known of it.

    Attributes:
        title: Above it.
        note: Below the title, in words.
        columns: Names.
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


def sample_size_tables(made: Evaluation) -> Iterator[SmallTable]:
    """What so many patients allow, of each class (Riley et al. 2019, 2021)."""
    if not made.sample_sizes:
        return
    rows = tuple(
        (
            f"{row.figure} of {one.class_name}",
            value(row.assumed),
            "too few patients" if row.says_nothing else ends(row.low, row.high),
            f"{row.target_width:g}",
            f"{row.n_needed:,}",
        )
        for one in made.sample_sizes
        for row in one.precision
    )
    yield SmallTable(
        "Sample size",
        " ".join(map(_counts, made.sample_sizes)),
        (
            "figure",
            "assumed",
            f"{percent(made.level)} interval to be expected",
            "target width",
            "patients needed",
        ),
        rows,
        (1, 2, 3, 4),
    )


def _counts(one: SampleSize) -> str:
    return (
        f"{one.n_patients:,} patients, {one.n_of_class:,} of them with {one.class_name} "
        f"({percent(one.prevalence)} of the cases)."
    )


def centre_tables(made: Centres) -> Iterator[SmallTable]:
    """Who was held out, and how far the figures differ; their values stand by fold."""
    notes = Notes()
    rows = tuple(
        (
            f"{one.name} (fold {one.fold})",
            *(f"{n:,}" for n in (one.n_cases, one.n_patients, *one.n_of_class)),
            str(notes.mark(one.warning) or ""),
        )
        for one in made.centres
    )
    columns = (made.column, "cases", "patients", *made.classes, "note")
    yield SmallTable(
        f"By {made.column}: held out",
        f"Each {made.column} is predicted by a model that it was held out of.",
        columns,
        rows,
        tuple(range(1, len(columns))),
        tuple(notes.words),
    )
    yield SmallTable(
        f"By {made.column}: lowest and highest",
        " ".join(one.words(made.column, made.level) for one in made.heterogeneity),
        ("figure", "lowest", "in", "highest", "in", "defined in"),
        tuple(
            (
                one.figure,
                value(one.lowest),
                one.lowest_in,
                value(one.highest),
                one.highest_in,
                f"{one.n} of {len(made.centres)}",
            )
            for one in made.spreads
        ),
        (1, 3, 5),
    )


def seed_table(made: SeedVariance) -> SmallTable:
    """The headline figures of each training, and their spread."""
    by_name = {one.name: one for one in made.figures}
    seeds = tuple(f"seed {seed}" for seed in made.seeds)
    columns = (
        "figure",
        *seeds,
        "mean",
        "SD over seeds",
        "range",
        f"{percent(made.level)} interval by patients, seed {made.seeds[0]}",
    )
    return SmallTable(
        "What the training seed alone changes",
        f"{made.words_of_calls} {made.meaning}",
        columns,
        tuple(_of_seeds(by_name[name]) for name in HEADLINE if name in by_name),
        tuple(range(1, len(columns))),
    )


def _of_seeds(one: SeedMetric) -> tuple[str, ...]:
    return (
        one.name,
        *map(value, one.values),
        value(one.mean),
        value(one.sd),
        ends(one.lowest, one.highest),
        ends(one.lows[0], one.highs[0]) if one.lows else NOTHING,
    )
