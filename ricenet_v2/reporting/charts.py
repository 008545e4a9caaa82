"""Two kinds of charts of one number per case: histograms, and ranges of sorted cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ricenet_v2.reporting import svg
from ricenet_v2.reporting.formatting import count, number, several

_WIDTH, _HEIGHT, _LETTERS = 3.2, 1.75, 9.0
_FEWEST_BINS, _MOST_BINS = 12, 36
_THIN = 48  # bins that fill the axis: narrower ones would be hairlines
_FAR = 3.0
_SLIM = 9
_SORTED = "cases, sorted by median"
_WHOLE = ("cases", "voxels", _SORTED)  # axes of whole numbers
_ROWS = 240
_LONG = 1e5
_ALIKE = 1e-4  # differences that no reader of an axis could see
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """A picture with its title above and a remark below, which may be empty.

    Attributes:
        title: Text above the picture.
        picture: The SVG element.
        remark: Text below the picture.
        starts_row: Whether it stands at the left edge, below all before it.
    """

    title: str
    picture: Markup
    remark: str = ""
    starts_row: bool = False


@dataclass(frozen=True)
class Series:
    """One number per case."""

    name: str
    values: Values


@dataclass(frozen=True)
class Mark:
    """A vertical line: what the plan decided."""

    name: str
    value: float


def histogram(
    title: str,
    unit: str,
    series: Sequence[Series],
    mark: Mark | None = None,
    low: float | None = None,
    subject: str = "",
) -> Chart:
    """A histogram of cases, the first series filled and the second as an outline.

    Args:
        title: Title of the chart.
        unit: Unit of the horizontal axis.
        series: One or two series.
        mark: A line that is always inside the chart.
        low: Start of the axis; None starts it below the smallest value.
        subject: Subject of the title, for readers who only hear it.
    """
    columns = [measure.values for measure in series]
    together = np.concatenate(columns)
    window = _window(together)
    shown = [*window, *([] if mark is None else [mark.value]), *([] if low is None else [low])]
    edges = _edges(together, window, (max(shown) - min(shown)) / _THIN)
    axes = svg.axes(_WIDTH, _HEIGHT)
    bins = edges.tolist()
    axes.hist(columns[0], bins, histtype="stepfilled", facecolor=svg.STAND_INS["first"])
    for column in columns[1:]:
        axes.hist(column, bins, histtype="step", edgecolor=svg.STAND_INS["second"], linewidth=1.3)
    _limits(axes, edges, mark, low)
    plain(axes, unit, "cases")
    if mark is not None:
        _draw_mark(axes, mark)
    summaries = "; ".join(
        f"{measure.name}: {_order(column)}" for measure, column in zip(series, columns, strict=True)
    )
    marked = f"; {mark.name} {number(mark.value)} {unit}" if mark else ""
    description = (
        f"{_name(title, subject)}, histogram of {several(len(columns[0]), 'case')}, in {unit}; "
        f"{summaries}{marked}"
    )
    return Chart(title, svg.picture(axes, description), _left_out(together, window))


def ranges(
    title: str, unit: str, low: Values, middle: Values, high: Values, subject: str = ""
) -> Chart:
    """Every case from `low` to `high` with `middle`, sorted by the middle.

    Many cases become a band: of neighbours in the order, the widest range and the median.
    """
    order = np.argsort(middle, kind="stable")
    low, middle, high = low[order], middle[order], high[order]
    n = len(middle)
    axes = svg.axes(_WIDTH, _HEIGHT)
    window = _window(np.concatenate([low, high]))
    if n <= _ROWS // 4:
        at = np.arange(1, n + 1)
        axes.vlines(at, low, high, colors=svg.STAND_INS["first"], linewidth=min(5.0, 90 / n))
        axes.plot(at, middle, "o", color=svg.STAND_INS["mark"], markersize=min(3.5, 60 / n + 1.5))
        axes.set_xlim(0.25, n + 0.75)
    else:
        groups = np.array_split(np.arange(n), min(n, _ROWS))
        at = np.array([group[-1] + 1 for group in groups])
        floor = np.array([low[group].min() for group in groups])
        roof = np.array([high[group].max() for group in groups])
        line = np.array([np.median(middle[group]) for group in groups])
        axes.fill_between(at, floor, roof, color=svg.STAND_INS["first"], linewidth=0, alpha=0.45)
        axes.plot(at, line, color=svg.STAND_INS["mark"], linewidth=1.3)
        axes.set_xlim(1, n)
    room = 0.05 * (window[1] - window[0]) or 0.5
    axes.set_ylim(window[0] - room, window[1] + room)
    plain(axes, _SORTED, unit)
    description = (
        f"{_name(title, subject)} of {several(n, 'case')}; medians: {_order(middle)}; "
        f"lowest {number(float(low.min()))}, highest {number(float(high.max()))}"
    )
    remark = _left_out(np.concatenate([low, high]), window)
    return Chart(title, svg.picture(axes, description), remark)


def _window(values: Values) -> tuple[float, float]:
    """Range of an axis: all values, or without the few that would squeeze the rest."""
    smallest, largest = float(values.min()), float(values.max())
    low, high = (float(value) for value in np.percentile(values, [0.5, 99.5]))
    if smallest < low - _FAR * (high - low) or largest > high + _FAR * (high - low):
        reach = 0.5 * (high - low) or 0.25 * abs(high)
        if reach > 0:
            return max(smallest, low - reach), min(largest, high + reach)
    return smallest, largest


def _left_out(values: Values, window: tuple[float, float]) -> str:
    """The values outside the chart, in words."""
    below, above = values[values < window[0]], values[values > window[1]]
    outside = []
    if below.size:
        outside.append(f"{several(below.size, 'value')} below, down to {number(below.min())}")
    if above.size:
        outside.append(f"{several(above.size, 'value')} above, up to {number(above.max())}")
    return f"Not shown: {'; '.join(outside)}." if outside else ""


def _edges(values: Values, window: tuple[float, float], thinnest: float) -> Values:
    """Borders of the bins; of whole numbers each bin holds as many as the others."""
    low, high = window
    bins = int(np.clip(2 * np.ceil(np.cbrt(values.size)), _FEWEST_BINS, _MOST_BINS))
    middle, are_alike = (low + high) / 2, high - low <= _ALIKE * max(abs(low), abs(high))
    if are_alike or high - low <= thinnest:
        half = max(thinnest / 2, 0.05 * abs(middle) if are_alike else 0) or 0.5
        return np.array([middle - half, middle + half])
    if np.all(values == np.round(values)):
        width = max(1, int(np.ceil(max((high - low + 1) / bins, thinnest))))
        start = np.floor(low) - 0.5
        return np.asarray(start + width * np.arange(np.ceil((high - start) / width) + 1))
    return np.linspace(low, high, min(bins, int((high - low) / thinnest)) + 1)


def _limits(axes: Axes, edges: Values, mark: Mark | None, low: float | None) -> None:
    left, right = float(edges[0]), float(edges[-1])
    if mark is not None:
        left, right = min(left, mark.value), max(right, mark.value)
    # Few bins stay slim, so that two cases do not look like a full histogram.
    missing = (_SLIM - (len(edges) - 1)) / 2
    room = max(0.06 * (right - left), missing * float(edges[1] - edges[0]))
    axes.set_xlim(left - room if low is None else low, right + room)


def _draw_mark(axes: Axes, mark: Mark) -> None:
    axes.axvline(mark.value, color=svg.STAND_INS["mark"], linewidth=1.6)
    left, right = axes.get_xlim()
    is_right = mark.value > (left + right) / 2
    axes.annotate(
        f"{mark.name} {number(mark.value)}",
        (mark.value, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-3 if is_right else 3, 2),
        textcoords="offset points",
        ha="right" if is_right else "left",
        va="bottom",
        fontsize=_LETTERS,
        color=svg.STAND_INS["mark"],
        annotation_clip=False,
    )


def plain(axes: Axes, below: str, beside: str) -> None:
    """Style axes with few ticks, a light horizontal grid and the bottom line only."""
    axes.patch.set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=svg.STAND_INS["line"], linewidth=0.7)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(svg.STAND_INS["second"])
    axes.tick_params(length=0, labelcolor=svg.STAND_INS["muted"], pad=4, labelsize=_LETTERS)
    axes.xaxis.set_major_locator(_ticks(5, is_whole=below in _WHOLE))
    axes.yaxis.set_major_locator(_ticks(4, is_whole=beside in _WHOLE))
    axes.xaxis.set_major_formatter(_label)
    axes.yaxis.set_major_formatter(_label)
    axes.set_xlabel(below, color=svg.STAND_INS["muted"], fontsize=_LETTERS)
    axes.set_ylabel(beside, color=svg.STAND_INS["muted"], fontsize=_LETTERS)
    axes.yaxis.set_label_coords(-0.2, 0.5)
    axes.xaxis.set_label_coords(0.5, -0.24)


def _name(title: str, subject: str) -> str:
    return f"{subject}: {title}" if subject else title


def _ticks(most: int, *, is_whole: bool) -> MaxNLocator:
    return MaxNLocator(most, steps=[1, 2, 5, 10], integer=is_whole, min_n_ticks=1)


def _label(value: float, _position: float) -> str:
    """Label of a tick, which is short even where intensities are huge."""
    return count(value) if abs(value) >= _LONG else number(value)


def _order(values: Values) -> str:
    low, middle, high = (float(value) for value in np.percentile(values, [0, 50, 100]))
    return f"{number(low)} to {number(high)}, median {number(middle)}"
