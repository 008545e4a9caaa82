"""The doses of isodose lines, written on the lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.reporting.case.panel import View, contours
from ricenet_v2.reporting.case.scene import Text

_SIZE = 10
_SHORTEST = 30.0
_APART = 18.0
_ANGLES = (-90.0, 0.0, 180.0, 90.0, -45.0, 135.0, 45.0, -135.0)
"""Degrees, clockwise from the right, at which a label may stand on its line."""


def labels(view: View, index: int, name: str, corner: tuple[float, float]) -> list[Text]:
    """A label on the longest line of each dose.

    Args:
        view: The picture.
        index: Index of the dose channel.
        name: Plane.
        corner: Upper left of the panel.
    """
    plane = view.plane(view.scan.voxels[index], name)
    texts: list[Text] = []
    for n, line in enumerate(view.lines[index].lines):
        style = (line.colour, 1.0, ())
        drawn = contours(plane, line.gray, corner, view.scale, style)
        longest = max(drawn, key=lambda each: _length(each.points), default=None)
        if longest is None or _length(longest.points) < _SHORTEST:
            continue
        x, y = _place(longest.points, n, texts)
        texts.append(Text(x, y + 3, line.short, _SIZE, line.colour, "middle"))
    return texts


def _place(points: NDArray[np.float64], n: int, texts: Sequence[Text]) -> tuple[float, float]:
    """A point of a line apart from the labels that stand; its own place where there is none."""
    away = points - points.mean(axis=0)
    angles = np.radians(_ANGLES[n % 4 :] + _ANGLES[: n % 4])
    directions = np.stack([np.cos(angles), np.sin(angles)])
    chosen = points[np.argmax(away @ directions, axis=0)]
    for x, y in chosen:
        if all(np.hypot(x - text.x, y + 3 - text.y) >= _APART for text in texts):
            return float(x), float(y)
    return float(chosen[0, 0]), float(chosen[0, 1])


def _length(points: NDArray[np.float64]) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())
