"""Figures of an ablation: metrics of every subset above a matrix of its groups; contributions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

from ricenet_v2.records.ablation import Ablation, SourceTable
from ricenet_v2.records.metrics import Metric
from ricenet_v2.reporting import svg

SUBSETS, CONTRIBUTIONS = "subsets", "contributions"
_SHOWN = ("macro F1", "AUROC")
# They differ in lightness, hatching and shape too, not in colour alone.
_COLOURS = {"out-of-fold": svg.STAND_INS["first"], "test": svg.STAND_INS["mark"]}
_HATCHES = {"out-of-fold": "", "test": "////"}
_LETTERS = 7.0


def draw_subsets(ablation: Ablation, folder: Path) -> str:
    """Write subsets.png and subsets.svg: bars with intervals above the matrix of groups.

    Returns:
        Name of the PNG.
    """
    n, n_groups = len(ablation.subsets), len(ablation.groups)
    width = max(5.0, 1.6 + 0.62 * n)
    heights = [1.7] * len(_SHOWN) + [0.25 + 0.2 * n_groups]
    canvas = Canvas(figsize=(width, sum(heights) + 0.5))
    FigureCanvasSVG(canvas)
    *panels, matrix = canvas.subplots(
        len(heights), sharex=True, gridspec_kw={"height_ratios": heights, "hspace": 0.18}
    )
    canvas.subplots_adjust(left=1.35 / width, right=0.99, top=0.88, bottom=0.03)
    for name, axes in zip(_SHOWN, panels, strict=True):
        _bars(axes, ablation, name)
    _legend(panels[0], ablation)
    _matrix(matrix, ablation)
    svg.write(matrix, folder / SUBSETS, f"{ablation.dataset}: every subset trained in the same way")
    return f"{SUBSETS}.png"


def _bars(axes: Axes, ablation: Ablation, name: str) -> None:
    n_tables = len(ablation.tables)
    width = 0.8 / n_tables
    for number, table in enumerate(ablation.tables):
        metrics = [_metric(table, subset.name, name) for subset in ablation.subsets]
        at = np.arange(len(metrics)) + (number - (n_tables - 1) / 2) * width
        colour = _COLOURS[table.source]
        values = np.array([np.nan if f is None or f.value is None else f.value for f in metrics])
        axes.bar(at, values, 0.9 * width, facecolor=colour, alpha=0.35, edgecolor=colour,
                 linewidth=0.8, hatch=_HATCHES[table.source])  # fmt: skip
        for x, metric in zip(at, metrics, strict=True):
            if metric is not None and metric.low is not None and metric.high is not None:
                ends = (metric.low, metric.high)
                axes.vlines(x, *ends, colors=svg.STAND_INS["ink"], linewidth=1.1)
                axes.hlines(ends, x - 0.06, x + 0.06, colors=svg.STAND_INS["ink"], linewidth=1.1)
    if name == "macro F1":
        _published(axes, ablation)
    if name == "AUROC":
        axes.axhline(0.5, color=svg.STAND_INS["second"], linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 1.02)
    axes.set_ylabel(name, color=svg.STAND_INS["muted"], fontsize=_LETTERS)
    _quiet(axes)
    axes.grid(axis="y", color=svg.STAND_INS["line"], linewidth=0.7)


def _published(axes: Axes, ablation: Ablation) -> None:
    """The paper's macro F1 as diamonds: open validation, filled test."""
    places = {subset.name: index for index, subset in enumerate(ablation.subsets)}
    for row in ablation.published:
        if row.subset in places:
            for value, face in ((row.validation, "none"), (row.test, svg.STAND_INS["ink"])):
                axes.plot(places[row.subset], np.nan if value is None else value, "D",
                          markersize=4.5, markerfacecolor=face,
                          markeredgecolor=svg.STAND_INS["ink"], zorder=5)  # fmt: skip


def _metric(table: SourceTable, subset: str, name: str) -> Metric | None:
    for row in table.rows:
        if row.subset == subset:
            return next((metric for metric in row.metrics if metric.name == name), None)
    return None


def _matrix(axes: Axes, ablation: Ablation) -> None:
    """Dots: which groups a subset has, joined from the first to the last."""
    names = [group.name for group in ablation.groups]
    for x, subset in enumerate(ablation.subsets):
        rows = [names.index(name) for name in subset.groups]
        absent = sorted(set(range(len(names))) - set(rows))
        axes.plot([x] * len(absent), absent, "o", color=svg.STAND_INS["line"], markersize=6)
        axes.plot([x] * len(rows), rows, "o-", color=svg.STAND_INS["ink"], markersize=6,
                  linewidth=1.6)  # fmt: skip
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(ablation.subsets) - 0.4)
    axes.set_xticks([])
    _quiet(axes)


def _legend(axes: Axes, ablation: Ablation) -> None:
    for table in ablation.tables:
        colour = _COLOURS[table.source]
        axes.bar([np.nan], [np.nan], facecolor=colour, alpha=0.35, edgecolor=colour,
                 hatch=_HATCHES[table.source], label=f"{table.source} (n = {table.n_cases})",
                 )  # fmt: skip
    if ablation.published:
        for label, face in (("paper, validation", "none"), ("paper, test", svg.STAND_INS["ink"])):
            axes.plot([np.nan], [np.nan], "D", markersize=4.5, markerfacecolor=face,
                      markeredgecolor=svg.STAND_INS["ink"], label=label)  # fmt: skip
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, fontsize=6.5, frameon=False,
                labelcolor=svg.STAND_INS["ink"], handletextpad=0.4, columnspacing=1.2)  # fmt: skip


def _quiet(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.tick_params(length=0, labelcolor=svg.STAND_INS["ink"], labelsize=_LETTERS)


def draw_contributions(ablation: Ablation, folder: Path) -> str | None:
    """Write contributions.png and .svg: Shapley values and permutation importance of each group.

    Returns:
        Name of the PNG; None where there is neither.
    """
    kinds = [
        (title, rows)
        for title, rows in (
            ("Shapley value (retrained)", _shapley_rows(ablation)),
            ("permutation importance (full model)", _importance_rows(ablation)),
        )
        if rows
    ]
    if not kinds:
        return None
    names = [group.name for group in ablation.groups]
    width, height = 1.6 + 2.7 * len(kinds), 1.0 + 0.42 * len(names) * len(_SHOWN)
    canvas = Canvas(figsize=(width, height))
    FigureCanvasSVG(canvas)
    panels = canvas.subplots(len(_SHOWN), len(kinds), sharex="col", sharey=True, squeeze=False)
    canvas.subplots_adjust(left=1.35 / width, right=0.98, top=0.8, bottom=0.12, hspace=0.25)
    for line, metric in enumerate(_SHOWN):
        for column, (title, rows) in enumerate(kinds):
            axes = panels[line][column]
            _ranges(axes, names, [row for row in rows if row[2] == metric], ablation)
            axes.set_title(f"{metric}: {title}", fontsize=6.5, color=svg.STAND_INS["ink"], pad=3)
    handles, labels = panels[0][0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.01, 0.885), ncols=2,
                  fontsize=6.5, frameon=False, labelcolor=svg.STAND_INS["ink"])  # fmt: skip
    svg.write(
        panels[0][0], folder / CONTRIBUTIONS, f"{ablation.dataset}: what each group contributes"
    )
    return f"{CONTRIBUTIONS}.png"


_Row = tuple[str, str, str, "float | None", "float | None", "float | None"]
"""Source, group, metric, value, low, high."""


def _shapley_rows(ablation: Ablation) -> list[_Row]:
    return [
        (
            table.source,
            contribution.group,
            contribution.metric,
            contribution.value,
            contribution.low,
            contribution.high,
        )
        for table in ablation.tables
        for contribution in table.contributions
    ]


def _importance_rows(ablation: Ablation) -> list[_Row]:
    return [
        (table.source, loss.group, loss.metric, loss.value, loss.low, loss.high)
        for table in ablation.tables
        for loss in table.importances
        if loss.change == "permuted"
    ]


def _ranges(axes: Axes, names: Sequence[str], rows: Sequence[_Row], ablation: Ablation) -> None:
    """A line and a mark for each group and source."""
    middle = (len(ablation.tables) - 1) / 2
    shifts: dict[str, float] = {
        table.source: 0.3 * (n - middle) for n, table in enumerate(ablation.tables)
    }
    axes.axvline(0, color=svg.STAND_INS["second"], linewidth=0.8)
    for source, group, _, value, low, high in rows:
        y = names.index(group) + shifts[source]
        colour = _COLOURS[source]
        if low is not None and high is not None:
            axes.hlines(y, low, high, colors=colour, linewidth=1.6)
        known = np.nan if value is None else value
        axes.plot(known, y, "o" if source == "out-of-fold" else "s", color=colour, markersize=4.5)
    for table in ablation.tables:
        shape = "o" if table.source == "out-of-fold" else "s"
        axes.plot([np.nan], [np.nan], shape, color=_COLOURS[table.source], markersize=4.5,
                  label=f"{table.source} (n = {table.n_cases})")  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    _quiet(axes)
    axes.grid(axis="x", color=svg.STAND_INS["line"], linewidth=0.7)
