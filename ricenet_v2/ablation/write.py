"""An ablation on disk: JSON for programs, CSV for papers, a part of the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ricenet_v2.ablation import formatting
from ricenet_v2.ablation.drawing import draw_contributions, draw_subsets
from ricenet_v2.core import documents
from ricenet_v2.records.ablation import Ablation, SourceTable
from ricenet_v2.records.report import ReportSection, SectionFigure
from ricenet_v2.store import tables
from ricenet_v2.store.paths import ABLATION_CSV, ABLATION_JSON, REPORT_PART_JSON

_COLUMNS = ("source", "what", "of", "metric", "value", "low", "high", "p", "p_holm", "n",
            "method", "warning")  # fmt: skip
_ORDER = 20
_BARS = (
    "Macro F1 and AUROC of every subset with 95 % intervals; the dots below say which groups a "
    "subset has. The dashed line is chance."
)
_LINES = (
    "Shapley value and permutation importance of each group with 95 % intervals; right of the line "
    "at 0 the group helps."
)


def write_ablation(folder: Path, ablation: Ablation) -> None:
    """Write ablation.json, ablation.csv, both pictures as PNG and SVG, and report_part.json."""
    folder.mkdir(parents=True, exist_ok=True)
    documents.write(folder / ABLATION_JSON, ablation)
    rows = [row for table in ablation.tables for row in _rows(table)]
    tables.write_rows(folder / ABLATION_CSV, rows, _COLUMNS)
    diamonds = " Diamonds: the paper's macro F1." if ablation.published else ""
    pictures = [SectionFigure(draw_subsets(ablation, folder), _BARS + diamonds)]
    second = draw_contributions(ablation, folder)
    if second is not None:
        pictures.append(SectionFigure(second, _LINES))
    part = ReportSection(
        title=formatting.title_of(ablation),
        words=formatting.summary_text(ablation),
        tables=formatting.all_tables(ablation),
        pictures=tuple(pictures),
        order=_ORDER,
    )
    documents.write(folder / REPORT_PART_JSON, part)


def _rows(table: SourceTable) -> Iterator[dict[str, object]]:
    for row in table.rows:
        for metric in row.metrics:
            yield _row(table, "metric", row.subset, metric.name, metric)
        for pair in row.differences:
            yield {
                **_row(table, f"difference to {pair.b}", row.subset, pair.metric, pair),
                "value": pair.difference,
                "method": pair.test,
            }
    for contribution in table.contributions:
        yield _row(table, "Shapley value", contribution.group, contribution.metric, contribution)
    for loss in table.importances:
        yield _row(table, f"loss, {loss.change}", loss.group, loss.metric, loss)


def _row(table: SourceTable, what: str, of: str, metric: str, record: object) -> dict[str, object]:
    """Cells of a metric, pair, contribution or importance; those that it lacks stay empty."""
    fields = ("value", "low", "high", "p", "p_holm", "n", "method", "warning")
    cells = {name: getattr(record, name, None) for name in fields}
    return {"source": table.source, "what": what, "of": of, "metric": metric, **cells}
