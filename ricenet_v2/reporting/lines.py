"""Charts of lines: training curves, ROC and its relatives, in the page and as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ricenet_v2.reporting import svg
from ricenet_v2.reporting.charts import Chart, plain
from ricenet_v2.reporting.formatting import RESEARCH_ONLY, number

_WIDTH, _HEIGHT, _LETTERS = 3.2, 2.3, 8.0
_COLOURS = ("first", "mark", "second", "ink")
_STYLES = ("-", "--", ":", "-.")
_MORE_OF_SQUARE = 1.0
"""Inches that make the axes, 0.76 of the width and 0.62 of the height, square."""
_ROOM = 0.04
_ROW = 0.16  # inches of a row of the legend
_LETTERS_OF_ROW, _LETTERS_OF_HANDLE = 46, 5
Values = NDArray[np.float64]


@dataclass(frozen=True)
class DrawnChart:
    """A chart that can stand in the page and be written as a file.

    Attributes:
        name: Name of its files, without suffix.
        title: Text above the chart.
        remark: Text below the chart.
        axes: Axes with the drawing.
        description: Text for readers who cannot see the chart.
        starts_row: Whether it stands at the left edge, below all before it.
    """

    name: str
    title: str
    remark: str
    axes: Axes
    description: str
    starts_row: bool = False

    def finish(self, folder: Path) -> Chart:
        """Write name.svg and name.png into `folder`, and give the chart for the page."""
        picture = svg.picture(self.axes, self.description)
        chart = Chart(self.title, picture, self.remark, self.starts_row)
        svg.write(self.axes, folder / self.name, self.title)
        return chart


@dataclass(frozen=True)
class Path2D:
    """One line: points, perhaps a band around them, perhaps dots or steps."""

    label: str
    x: Values
    y: Values
    low: Values | None = None
    high: Values | None = None
    is_faint: bool = False
    has_dots: bool = False
    is_step: bool = False


def lines(
    name: str,
    title: str,
    labels: tuple[str, str],
    paths: Sequence[Path2D],
    *,
    limits: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None),
    diagonal: str = "",
    remark: str = "",
    is_square: bool = False,
    inscription: str = "",
) -> DrawnChart:
    """A chart of lines.

    Args:
        name: Name of its files, without suffix.
        title: Text above the chart.
        labels: Labels of the x and y axes.
        paths: Faint ones share the first colour, the others take one after the other.
        limits: Limits of x and y; None fits the lines.
        diagonal: `up` for chance or perfect calibration, else empty.
        remark: Text below the chart.
        is_square: Both axes are as long as each other.
        inscription: Text in the lower right of the chart.
    """
    legend_labels = [path.label for path in paths if path.label and not path.is_faint]
    axes = _axes(legend_labels, _HEIGHT + _MORE_OF_SQUARE if is_square else _HEIGHT)
    if diagonal == "up":
        axes.plot([0, 1], [0, 1], color=svg.STAND_INS["second"], linewidth=0.9, linestyle=":")
    strong = 0
    for path in paths:
        colour = svg.STAND_INS["first" if path.is_faint else _COLOURS[strong % len(_COLOURS)]]
        style = "-" if path.is_faint else _STYLES[strong % len(_STYLES)]
        _draw(axes, path, colour, style)
        strong += not path.is_faint
    for put, limit in ((axes.set_xlim, limits[0]), (axes.set_ylim, limits[1])):
        if limit is not None:
            room = _ROOM * (limit[1] - limit[0])
            put(limit[0] - room, limit[1] + room)
    plain(axes, *labels)
    if is_square:
        axes.xaxis.set_label_coords(0.5, -0.15)
    _add_legend(axes, legend_labels)
    if inscription:
        axes.text(
            0.97, 0.04, inscription, transform=axes.transAxes, ha="right", va="bottom",
            fontsize=_LETTERS, color=svg.STAND_INS["ink"], linespacing=1.3,
        )  # fmt: skip
    description = _described(title, labels, paths, inscription)
    return DrawnChart(name, title, remark, axes, description)


def _columns(labels: Sequence[str]) -> int:
    """Number of labels side by side in the width of a chart."""
    return max(1, min(3, _LETTERS_OF_ROW // (max(map(len, labels)) + _LETTERS_OF_HANDLE)))


def _axes(labels: Sequence[str], height: float) -> Axes:
    """Axes with room for a legend below them where there are several lines.

    Args:
        labels: Labels of the legend.
        height: Height of the figure without the legend, in inches.
    """
    room = _ROW * -(-len(labels) // _columns(labels)) if len(labels) > 1 else 0.0
    axes, whole = svg.axes(_WIDTH, _HEIGHT), height + room
    box = axes.get_position()
    inside = box.height * _HEIGHT + height - _HEIGHT
    axes.set_position((box.x0, (box.y0 * _HEIGHT + room) / whole, box.width, inside / whole))
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(whole)
    return axes


def _add_legend(axes: Axes, labels: Sequence[str]) -> None:
    """Add a legend below the axes, where it covers neither line nor band."""
    if len(labels) < 2:
        return
    axes.legend(
        loc="lower left", bbox_to_anchor=(axes.get_position().x0, 0.0),
        bbox_transform=axes.figure.transFigure, ncols=_columns(labels), frameon=False,
        fontsize=_LETTERS, labelcolor=svg.STAND_INS["muted"], handlelength=1.8, borderpad=0.1,
        borderaxespad=0.1, labelspacing=0.25, columnspacing=1.2,
    )  # fmt: skip


def _draw(axes: Axes, path: Path2D, colour: str, style: str) -> None:
    if path.low is not None and path.high is not None:
        if path.has_dots:
            around = np.abs(np.stack([path.y - path.low, path.high - path.y]))
            axes.errorbar(path.x, path.y, around, fmt="none", ecolor=colour, elinewidth=1)
        else:
            axes.fill_between(
                path.x, path.low, path.high, color=colour, alpha=0.18, linewidth=0,
                step="post" if path.is_step else None,
            )  # fmt: skip
    axes.plot(
        path.x,
        path.y,
        color=colour,
        linestyle=style,
        alpha=0.4 if path.is_faint else 1.0,
        linewidth=1.0 if path.is_faint else 1.6,
        marker="o" if path.has_dots else "",
        markersize=3.5,
        drawstyle="steps-post" if path.is_step else "default",
        label="_" if path.is_faint or not path.label else path.label,
    )


def _described(
    title: str, labels: tuple[str, str], paths: Sequence[Path2D], inscription: str
) -> str:
    descriptions = [
        f"{path.label or 'line'} from {number(float(path.y[0]))} to {number(float(path.y[-1]))}"
        for path in paths
        if not path.is_faint and len(path.y)
    ]
    parts = [*descriptions, *inscription.splitlines()]
    return f"{title}: {labels[1]} against {labels[0]}; {'; '.join(parts)}. {RESEARCH_ONLY}"
