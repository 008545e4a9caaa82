"""Pictures of the cohort: where attribution lies, and how maps change with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ricenet_v2.records.explanation import CohortShare, ExplainedCase, Explanation
from ricenet_v2.records.report import SectionFigure
from ricenet_v2.report import svg
from ricenet_v2.report.charts import plain
from ricenet_v2.report.formatting import cases

_MAP = "occlusion"
_STYLES = ("-", "--", ":", "-.")
_LETTERS = 7


def write_shares(made: Explanation, output: Path) -> list[SectionFigure]:
    """Share of the first map in each part, and what is expected by its volume.

    Args:
        made: What was found.
        output: Folder of shares.svg and shares.png.
    """
    maps = list(dict.fromkeys(one.map for one in made.shares if one.channel is None))
    name = _MAP if _MAP in maps else maps[0]
    rows = [one for one in made.shares if one.map == name and one.channel is None]
    axes = svg.axes(4.6, 0.6 + 0.3 * len(rows))
    at = np.arange(len(rows))[::-1]
    plain(axes, "share of absolute attribution, percent", "")
    axes.plot([100 * one.mean for one in rows], at, "o", color=svg.STAND_INS["first"], markersize=5)
    expected = [np.nan if one.expected is None else 100 * one.expected for one in rows]
    axes.plot(expected, at, "|", color=svg.STAND_INS["mark"], markersize=11, markeredgewidth=1.8)
    axes.set_yticks(at, [one.part for one in rows])
    axes.set_xlim(left=-1)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    title = f"Where the attribution lies: {name.replace('_', ' ')}"
    svg.write(axes, output / "shares", title)
    caption = (
        f"{title}, mean of {cases(rows[0].n)}. Points: found; strokes: expected by "
        f"their share of the brain's volume. {'; '.join(map(_told, rows))}."
    )
    return [SectionFigure("shares.png", caption)]


def _told(one: CohortShare) -> str:
    told = f"{one.part} {100 * one.mean:.0f} %"
    return told if one.expected is None else f"{told}, expected {100 * one.expected:.0f} %"


def write_cascade(
    explained: Sequence[ExplainedCase], limit: float, output: Path
) -> list[SectionFigure]:
    """Mean correlation of the absolute maps while parts become random from the top.

    Args:
        explained: Cases with their checks; without any there is no picture.
        limit: What the last correlation must stay below.
        output: Folder of cascade.svg and cascade.png.
    """
    found: dict[str, list[dict[str, float]]] = {}
    for case in explained:
        for check in case.checks:
            found.setdefault(check.map, []).append(check.cascade)
    if not found:
        return []
    parts = list(next(iter(found.values()))[0])
    axes = svg.axes(4.6, 2.6)
    plain(axes, "parts with random weights, down to", "rank correlation")
    at = np.arange(len(parts) + 1)
    for (name, own), style in zip(found.items(), _STYLES, strict=False):
        means = [1.0, *(float(np.mean([one[part] for one in own])) for part in parts)]
        axes.plot(at, means, style, color=svg.STAND_INS["first"], linewidth=1.5)
        axes.annotate(
            name.replace("_", " "), (at[-1], means[-1]), (4, 0), textcoords="offset points",
            color=svg.STAND_INS["ink"], fontsize=_LETTERS, va="center",
        )  # fmt: skip
    axes.axhline(limit, color=svg.STAND_INS["mark"], linewidth=1)
    axes.set_xticks(at, ["none", *parts])
    axes.set_xlim(-0.2, len(parts) + 1.4)
    title = "Maps while weights become random, from the head down"
    svg.write(axes, output / "cascade", title)
    told = "; ".join(
        f"{name.replace('_', ' ')} {np.mean([list(one.values())[-1] for one in own]):.2f}"
        for name, own in found.items()
    )
    caption = (
        f"{title}: mean rank correlation of the absolute map with that of the trained network; it "
        f"must end below the line at {limit:g}. With all parts random: {told}."
    )
    return [SectionFigure("cascade.png", caption)]
