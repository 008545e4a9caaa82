"""Charts of what curves.json holds, and of confusion matrices."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from matplotlib.patches import Rectangle

from ricenet_v2.records.curves import MINUS_TREAT_ALL, Curve, CurveName, Curves
from ricenet_v2.records.metrics import Metric
from ricenet_v2.reporting import svg
from ricenet_v2.reporting.formatting import RESEARCH_ONLY, several
from ricenet_v2.reporting.lines import DrawnChart, Path2D, lines
from ricenet_v2.reporting.results.metric_tables import interval, value

_TITLES: dict[CurveName, str] = {
    "ROC": "ROC curve",
    "precision-recall": "Precision and recall",
    "calibration": "Calibration",
    "decision": "Decision curve",
    "decision difference": "Net benefit gained over treating all, and none",
    "referral": "Referral",
}
_REMARKS: dict[CurveName, str] = {
    "ROC": "Dotted: chance.",
    "precision-recall": "",
    "calibration": "Dotted: perfect calibration.",
    "decision": "Net benefit against the threshold probability from which a clinician would act.",
    "decision difference": "The model is better where both lie above 0; bands are pointwise.",
    "referral": "Performance on the cases that are kept when the least certain ones are referred.",
}
_LONG = 24  # letters of a label
_UNIT = (0.0, 1.0)
_AREAS: dict[CurveName, str] = {"ROC": "AUROC", "precision-recall": "average precision"}
_SQUARE: tuple[CurveName, ...] = ("ROC", "precision-recall", "calibration")


def curve_charts(
    prefix: str, curves: Curves, metrics: Sequence[Metric] = ()
) -> Iterator[DrawnChart]:
    """One chart per kind and class, its series as lines; each of several classes starts a row.

    Args:
        prefix: Start of the file names.
        curves: Curves of the evaluation.
        metrics: Metrics of the same predictions; areas under curves are written into their charts.
    """
    kinds = dict.fromkeys((curve.name, curve.class_name) for curve in curves.curves)
    many = len(curves.classes) > 2
    labels = [(name, class_name if many else "") for name, class_name in kinds]
    stems = file_names(["_".join(filter(None, (prefix, *label))) for label in labels])
    previous = labels[0][1] if labels else ""
    for key, (name, class_name), stem in zip(kinds, labels, stems, strict=True):
        chosen = [c for c in curves.curves if (c.name, c.class_name) == key]
        chart = _chart(stem, name, class_name, chosen, _inscription(key, class_name, metrics))
        yield dataclasses.replace(chart, starts_row=class_name != previous)
        previous = class_name


def _inscription(curve: tuple[CurveName, str], class_name: str, metrics: Sequence[Metric]) -> str:
    """The area under a curve with its interval, the cases, and the class where no title says it.

    Args:
        curve: Its name, and the class against the rest.
        class_name: Name of the class, as in the title of the chart; empty for two classes.
        metrics: Metrics that may contain the area.
    """
    area = _AREAS.get(curve[0], "")
    name = f"{area} of {class_name}" if class_name else area
    metric = next((metric for metric in metrics if metric.name == name), None)
    if metric is None or metric.value is None:
        return ""
    size = several(metric.n, "case")
    within = f" ({interval(metric)})" if metric.low is not None else ""
    return f"{area} {value(metric.value)}{within}\n{size if class_name else f'{curve[1]}, {size}'}"


def _chart(
    stem: str, name: CurveName, class_name: str, chosen: Sequence[Curve], inscription: str
) -> DrawnChart:
    title = _TITLES[name] + (f", {class_name}" if class_name else "")
    square = name in _SQUARE
    return lines(
        stem,
        title,
        (_label([curve.x_name for curve in chosen]), _label([curve.y_name for curve in chosen])),
        [_path(curve) for curve in chosen if curve.x],
        limits=(_UNIT, _UNIT) if square else (None, _decision_limits(name, chosen)),
        diagonal="up" if name in ("ROC", "calibration") else "",
        remark=_remark(name, chosen),
        is_square=square,
        inscription=inscription,
    )


def _remark(name: CurveName, chosen: Sequence[Curve]) -> str:
    """Remark on the curves, with their warnings."""
    warnings = dict.fromkeys(curve.warning for curve in chosen if curve.warning)
    sentences = (f"{warning[0].upper()}{warning[1:]}." for warning in warnings)
    return " ".join(filter(None, (_REMARKS[name], *sentences)))


def _label(names: Sequence[str]) -> str:
    """Label of an axis: the name that its curves share, or of a long name the part in brackets."""
    if len(set(names)) > 1:
        return "metric"
    inside = re.search(r"\(([^)]+)\)", names[0])
    return inside[1] if inside and len(names[0]) > _LONG else names[0]


def _path(curve: Curve) -> Path2D:
    return Path2D(
        curve.series,
        np.array(curve.x),
        np.array(curve.y),
        np.array(curve.low) if curve.low else None,
        np.array(curve.high) if curve.high else None,
        has_dots=curve.name == "calibration" and bool(curve.n),
        is_step=curve.name == "precision-recall",
    )


def _decision_limits(name: CurveName, chosen: Sequence[Curve]) -> tuple[float, float] | None:
    """Treating all falls without end; what matters lies around zero."""
    if name not in ("decision", "decision difference"):
        return None
    # What is gained over treating all rises without end, since treating all falls.
    tops = [max(curve.y) for curve in chosen if curve.y and curve.series != MINUS_TREAT_ALL]
    most = max(tops, default=1.0)
    return -0.3 * most, max(most, 1e-3)


def confusion_chart(
    prefix: str, classes: Sequence[str], confusion: Sequence[Sequence[int]]
) -> DrawnChart:
    """A confusion matrix as squares with counts; rows are truths."""
    counts = np.array(confusion, dtype=float)
    axes = svg.axes(3.2, 2.8)
    axes.set_position((0.34, 0.27, 0.58, 0.62))
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
    n = len(classes)
    for row in range(n):
        for column in range(n):
            axes.add_patch(_cell(row, column, float(shares[row, column])))
            axes.text(
                column, row, f"{int(counts[row, column]):,}", ha="center", va="center", fontsize=11,
                color=svg.STAND_INS["ink"],
            )  # fmt: skip
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    axes.patch.set_visible(False)
    muted = svg.STAND_INS["muted"]
    axes.set_xticks(range(n), classes, fontsize=8, color=muted)
    axes.set_yticks(range(n), classes, fontsize=8, color=muted)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted", color=muted, fontsize=9)
    axes.set_ylabel("truth", color=muted, fontsize=9)
    text = "; ".join(
        f"of {truth}: "
        + ", ".join(f"{count} {name}" for count, name in zip(line, classes, strict=True))
        for truth, line in zip(classes, confusion, strict=True)
    )
    name = file_name(f"{prefix}_confusion")
    return DrawnChart(
        name, "Confusion matrix", "", axes, f"Confusion matrix, {text}. {RESEARCH_ONLY}"
    )


def _cell(row: int, column: int, share: float) -> Rectangle:
    return Rectangle(
        (column - 0.48, row - 0.48), 0.96, 0.96, linewidth=0.8, edgecolor=svg.STAND_INS["line"],
        facecolor=svg.STAND_INS["first"], alpha=0.08 + 0.5 * share,
    )  # fmt: skip


def file_name(text: str) -> str:
    """Letters, digits, dots and underscores, so that every system takes it."""
    return re.sub(r"[^\w.]+", "_", text).strip("_")


def file_names(texts: Iterable[str]) -> list[str]:
    """A name of a file for each text; one that is taken, in whatever case, gets a number."""
    names: list[str] = []
    taken: set[str] = set()
    for text in texts:
        stem = name = file_name(text)
        n = 1
        while name.casefold() in taken:
            n += 1
            name = f"{stem}_{n}"
        taken.add(name.casefold())
        names.append(name)
    return names
