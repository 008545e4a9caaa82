"""Numbers of a report as CSV and JSON, for papers and other programs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.records.comparison import Pair
from ricenet_v2.records.metrics import Evaluation, Metric
from ricenet_v2.reporting.checklists.answers import COLUMNS, answers
from ricenet_v2.reporting.methods.sentence import Sentence
from ricenet_v2.reporting.results.curves import file_names
from ricenet_v2.reporting.results.sources import Sources
from ricenet_v2.store import tables
from ricenet_v2.store.paths import (
    CENTRES_JSON,
    COMPARISON_JSON,
    CURVES_JSON,
    METRICS_JSON,
    SANITY_JSON,
    SEEDS_JSON,
)

CHECKLISTS, CASES_OF_REPORT, TRAINING = "checklists.csv", "cases.csv", "training.csv"
METHODS = "methods.csv"
_METRIC_COLUMNS = (
    "set", "metric", "value", "low", "high", "n", "method", "warning"
)  # fmt: skip
_CURVE_COLUMNS = ("curve", "series", "class", "x", "y", "low", "high", "n")
_PAIR_COLUMNS = tuple(field.name for field in fields(Pair))
_TRAINING_COLUMNS = ("fold", "epoch", "train_loss", "validation_loss", "validation_macro_f1",
                     "validation_macro_f1_ema", "learning_rate", "seconds")  # fmt: skip


def write_tables(sources: Sources, methods: Sequence[Sentence], folder: Path) -> None:
    """Write methods, checklists, cases, training curves, metrics and curves of each set.

    Args:
        sources: Sources of the report.
        methods: Sentences about what was done, derived from the files.
        folder: Folder of the tables.
    """
    rows = [answer.row for answer in answers(methods)]
    tables.write_rows(folder / CHECKLISTS, rows, COLUMNS)
    texts = [{"group": s.group, "subject": s.title, "text": s.text} for s in methods]
    tables.write_rows(folder / METHODS, texts, ("group", "subject", "text"))
    tables.write_rows(folder / CASES_OF_REPORT, _case_rows(sources), _case_columns(sources))
    epochs = [
        {"fold": fold.number, **{name: vars(row)[name] for name in _TRAINING_COLUMNS[1:]}}
        for fold in sources.folds
        for row in fold.epochs
    ]
    tables.write_rows(folder / TRAINING, epochs, _TRAINING_COLUMNS)
    stems = file_names(sources.comparisons)
    for stem, compared in zip(stems, sources.comparisons.values(), strict=True):
        documents.write(folder / f"{stem}_{COMPARISON_JSON}", compared)
        pairs = [vars(pair) for pair in compared.pairs]
        tables.write_rows(folder / f"{stem}_comparison.csv", pairs, _PAIR_COLUMNS)
    if sources.seeds is not None:
        documents.write(folder / SEEDS_JSON, sources.seeds)
    stems = file_names(result.name for result in sources.results)
    for stem, result in zip(stems, sources.results, strict=True):
        for name in (CURVES_JSON, SANITY_JSON, CENTRES_JSON):
            if (result.folder / name).is_file():
                shutil.copyfile(result.folder / name, folder / f"{stem}_{name}")
        if result.evaluation is not None:
            documents.write(folder / f"{stem}_{METRICS_JSON}", result.evaluation)
            metrics = _metric_rows(result.evaluation)
            tables.write_rows(folder / f"{stem}_metrics.csv", metrics, _METRIC_COLUMNS)
        if result.curves is not None:
            tables.write_rows(
                folder / f"{stem}_curves.csv",
                [
                    dict(zip(_CURVE_COLUMNS, (c.name, c.series, c.class_name, *point), strict=True))
                    for c in result.curves.curves
                    for point in zip(
                        c.x, c.y, _filled(c.low, len(c.x)), _filled(c.high, len(c.x)),
                        _filled(c.n, len(c.x)), strict=True,
                    )
                ],
                _CURVE_COLUMNS,
            )  # fmt: skip


def _filled(values: tuple[object, ...], n: int) -> tuple[object, ...]:
    return values or ("",) * n


def _case_columns(sources: Sources) -> list[str]:
    probabilities = [f"prob_{name}" for name in sources.dataset.classes]
    return ["case_id", "set", "truth", "predicted", *probabilities, "entropy", "agreement",
            "disagreement", "distance", "flags"]  # fmt: skip


def _case_rows(sources: Sources) -> list[dict[str, object]]:
    return [
        {
            "case_id": case.case_id,
            "set": case.part,
            "truth": case.truth or "",
            "predicted": case.predicted,
            **{
                f"prob_{name}": value
                for name, value in zip(sources.dataset.classes, case.probabilities, strict=True)
            },
            "entropy": case.entropy,
            "agreement": "" if case.agreement is None else case.agreement,
            "disagreement": "" if case.disagreement is None else case.disagreement,
            "distance": "" if case.distance is None else case.distance,
            "flags": "; ".join(case.flags),
        }
        for result in sources.results
        for case in result.cases
    ]


def _metric_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    rows = [_metric_row("all", metric) for metric in evaluation.metrics]
    rows += [
        _metric_row(group.name, metric) for group in evaluation.groups for metric in group.metrics
    ]
    rows += [
        _metric_row(f"threshold {t.name} of {t.class_name}", metric)
        for t in evaluation.thresholds
        for metric in t.metrics
    ]
    return rows


def _metric_row(name: str, metric: Metric) -> dict[str, object]:
    return {
        "set": name,
        "metric": metric.name,
        **{
            key: "" if vars(metric)[key] is None else vars(metric)[key]
            for key in ("value", "low", "high", "n", "method", "warning")
        },
    }
