"""The doses of isodose lines, written on the lines."""

from __future__ import annotations

import numpy as np

from ricenet_v2.reporting.case.panel import View, contours
from ricenet_v2.reporting.case.scene import Text
from ricenet_v2.reporting.formatting import number

_SIZE = 10
_SHORTEST = 30.0
_ANGLES = (-60.0, -20.0, 200.0, 160.0)
"""Degrees, clockwise from the right, of the place of each line's label: apart from each other."""


def labels(view: View, index: int, name: str, corner: tuple[float, float]) -> list[Text]:
    """A label on the longest line of each dose.

    Args:
        view: The picture.
        index: Of the dose channel.
        name: Plane.
        corner: Upper left of the panel.
    """
    plane = view.plane(view.scan.voxels[index], name)
    texts = []
    for line, degrees in zip(view.lines[index].lines, _ANGLES, strict=False):
        style = (line.colour, 1.0, ())
        drawn = contours(plane, line.gray, corner, view.scale, style)
        longest = max(drawn, key=lambda each: _length(each.points), default=None)
        if longest is None or _length(longest.points) < _SHORTEST:
            continue
        away = longest.points - longest.points.mean(axis=0)
        angle = np.radians(degrees)
        x, y = longest.points[int(np.argmax(away @ [np.cos(angle), np.sin(angle)]))]
        texts.append(
            Text(float(x), float(y) + 3, number(round(line.gray, 1)), _SIZE, line.colour, "middle")
        )
    return texts


def _length(points: np.ndarray) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())
