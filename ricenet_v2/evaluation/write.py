"""Metrics and curves on disk: JSON for programs, CSV for papers."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.curves import Curves
from ricenet_v2.records.metrics import Evaluation, Metric
from ricenet_v2.store import metrics_files, tables
from ricenet_v2.store.paths import (
    COMPARISON_CSV,
    COMPARISON_JSON,
    CURVES_CSV,
    CURVES_JSON,
    METRICS_CSV,
    METRICS_JSON,
)


def write_metrics(folder: Path, evaluation: Evaluation) -> None:
    """Write metrics.json and metrics.csv, in place of those of version 0.1 under their names.

    Raises:
        DatasetError: A file of that name is not of an evaluation.
    """
    metrics_files.check_free(folder)
    documents.write(folder / METRICS_JSON, evaluation)
    rows = [_row("all", metric) for metric in evaluation.metrics]
    rows += [_row(group.name, metric) for group in evaluation.groups for metric in group.metrics]
    for each in evaluation.thresholds:
        where = f"threshold {each.name}: {each.class_name} from {each.value}"
        rows += [_row(where, metric) for metric in each.metrics]
    tables.write_rows(folder / METRICS_CSV, rows, metrics_files.COLUMNS)
    metrics_files.remove_former(folder)


def _row(cases: str, metric: Metric) -> dict[str, object]:
    return {"cases": cases, **metric_cells(metric)}


def metric_cells(metric: Metric) -> dict[str, object]:
    """A metric as cells of a table, by the name of the column."""
    return {
        "metric": metric.name,
        "value": metric.value,
        "low": metric.low,
        "high": metric.high,
        "n": metric.n,
        "method": metric.method,
        "warning": metric.warning,
    }


def write_curves(folder: Path, curves: Curves) -> None:
    """Write curves.json and curves.csv, one row a point."""
    documents.write(folder / CURVES_JSON, curves)
    rows = []
    for curve in curves.curves:
        for index, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
            rows.append(
                {
                    "curve": curve.name,
                    "series": curve.series,
                    "class": curve.class_name,
                    "x_name": curve.x_name,
                    "x": x,
                    "y_name": curve.y_name,
                    "y": y,
                    "low": curve.low[index] if curve.low else "",
                    "high": curve.high[index] if curve.high else "",
                    "n": curve.n[index] if curve.n else "",
                }
            )
    columns = ("curve", "series", "class", "x_name", "x", "y_name", "y", "low", "high", "n")
    tables.write_rows(folder / CURVES_CSV, rows, columns)


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write comparison.json and comparison.csv."""
    documents.write(folder / COMPARISON_JSON, comparison)
    names = (
        *("metric", "a", "b", "value_a", "value_b", "difference", "low", "high"),
        *("test", "p", "p_holm", "n", "warning"),
    )
    rows = [{name: getattr(pair, name) for name in names} for pair in comparison.pairs]
    tables.write_rows(folder / COMPARISON_CSV, rows, names)
