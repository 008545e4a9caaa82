"""Pictures of the cohort: where attribution lies, and how maps change with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ricenet_v2.records.explained_case import ExplainedCase
from ricenet_v2.records.explanation import CohortShare, Explanation
from ricenet_v2.records.report import SectionFigure
from ricenet_v2.reporting import svg
from ricenet_v2.reporting.charts import plain
from ricenet_v2.reporting.formatting import cases

_MAP = "occlusion"
_STYLES = ("-", "--", ":", "-.")
_LETTERS = 7


def write_shares(explanation: Explanation, output: Path) -> list[SectionFigure]:
    """Share of the first map in each part, and what is expected by its volume.

    Args:
        explanation: Shares of the cohort.
        output: Folder of shares.svg and shares.png.
    """
    maps = list(dict.fromkeys(share.map for share in explanation.shares if share.channel is None))
    name = _MAP if _MAP in maps else maps[0]
    rows = [share for share in explanation.shares if share.map == name and share.channel is None]
    axes = svg.axes(4.6, 0.6 + 0.3 * len(rows))
    at = np.arange(len(rows))[::-1]
    plain(axes, "share of absolute attribution, percent", "")
    axes.plot(
        [100 * share.mean for share in rows], at, "o", color=svg.STAND_INS["first"], markersize=5
    )
    expected = [np.nan if share.expected is None else 100 * share.expected for share in rows]
    axes.plot(expected, at, "|", color=svg.STAND_INS["mark"], markersize=11, markeredgewidth=1.8)
    axes.set_yticks(at, [share.part for share in rows])
    axes.set_xlim(left=-1)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    title = f"Where the attribution lies: {name.replace('_', ' ')}"
    svg.write(axes, output / "shares", title)
    caption = (
        f"{title}, mean of {cases(rows[0].n)}. Points: observed; strokes: expected from "
        f"their share of the region's volume. {'; '.join(map(_share_text, rows))}."
    )
    return [SectionFigure("shares.png", caption)]


def _share_text(share: CohortShare) -> str:
    text = f"{share.part} {100 * share.mean:.0f} %"
    return text if share.expected is None else f"{text}, expected {100 * share.expected:.0f} %"


def write_cascade(
    explained: Sequence[ExplainedCase], limit: float, output: Path
) -> list[SectionFigure]:
    """Mean correlation of the absolute maps while parts become random from the top.

    Args:
        explained: Cases with their checks; without any there is no picture.
        limit: Limit that the last correlation must stay below.
        output: Folder of cascade.svg and cascade.png.
    """
    by_map: dict[str, list[dict[str, float]]] = {}
    for case in explained:
        for check in case.checks:
            by_map.setdefault(check.map, []).append(check.cascade)
    if not by_map:
        return []
    parts = list(next(iter(by_map.values()))[0])
    axes = svg.axes(4.6, 2.6)
    plain(axes, "parts with random weights, down to", "rank correlation")
    at = np.arange(len(parts) + 1)
    for (name, cascades), style in zip(by_map.items(), _STYLES, strict=False):
        means = [1.0, *(float(np.mean([cascade[part] for cascade in cascades])) for part in parts)]
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
    final = "; ".join(
        f"{name.replace('_', ' ')} {np.mean([list(c.values())[-1] for c in cascades]):.2f}"
        for name, cascades in by_map.items()
    )
    caption = (
        f"{title}: mean rank correlation of the absolute map with that of the trained network; it "
        f"must end below the line at {limit:g}. With all parts random: {final}."
    )
    return [SectionFigure("cascade.png", caption)]
