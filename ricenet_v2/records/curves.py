"""Curves that metrics are read from: ROC, precision-recall, calibration, decision, referral.

`decision difference` is the net benefit of the model minus that of treating all, or none.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ricenet_v2.core.documents import Fields, Migration, record
from ricenet_v2.core.errors import DatasetError

CurveName = Literal[
    "ROC", "precision-recall", "calibration", "decision", "decision difference", "referral"
]
MOST_POINTS = 500
TREAT_ALL, TREAT_NONE = "treat all", "treat none"
MINUS_TREAT_ALL, MINUS_TREAT_NONE = "model minus treat all", "model minus treat none"
_FORMER_SERIES = {
    ("decision", "all called"): TREAT_ALL,
    ("decision", "none called"): TREAT_NONE,
    ("decision difference", "model less all called"): MINUS_TREAT_ALL,
    ("decision difference", "model less none called"): MINUS_TREAT_NONE,
}


def _from_1(fields: Fields) -> Fields:
    """Lines of the decision curve had other names."""
    curves = fields.get("curves")
    return fields | {"curves": [*map(_with_series, curves)]} if isinstance(curves, list) else fields


def _with_series(curve: object) -> object:
    if not isinstance(curve, dict):
        return curve
    key = (str(curve.get("name")), str(curve.get("series")))
    return curve | {"series": _FORMER_SERIES[key]} if key in _FORMER_SERIES else curve


@record
class Curve:
    """One line of a chart.

    Attributes:
        name: Kind of the chart.
        series: Line of the chart, e.g. `model`, `treat all`, `kept by entropy`.
        class_name: The class against the rest; empty where the curve is about all classes.
        x_name: Label of x, with its unit.
        y_name: Label of y.
        x: Abscissae of at most 500 points.
        y: Ordinates, as many.
        low: Lower ends of the intervals of y, as many as points, or none.
        high: Upper ends, or none.
        n: Cases that each point rests on, or none.
        warning: Warning in words, if the curve rests on too few cases, or why no interval is drawn.
    """

    name: CurveName
    series: str
    class_name: str
    x_name: str
    y_name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    n: tuple[int, ...] = ()
    warning: str = ""

    def __post_init__(self) -> None:
        """Refuse curves whose parts do not fit each other."""
        lengths = {
            "x": len(self.x),
            "y": len(self.y),
            **{
                name: len(values)
                for name, values in (("low", self.low), ("high", self.high), ("n", self.n))
                if values
            },
        }
        if len(set(lengths.values())) > 1 or len(self.x) > MOST_POINTS:
            raise DatasetError(
                f"The points of the {self.name} curve do not fit each other.",
                expected=f"equally many of each, at most {MOST_POINTS}",
                got=lengths,
            )


@record
class Curves:
    """The content of curves.json, beside metrics.json."""

    document: ClassVar[str] = "curves"
    schema: ClassVar[int] = 2
    migrations: ClassVar[dict[int, Migration]] = {1: _from_1}
    has_checksum: ClassVar[bool] = True

    title: str
    classes: tuple[str, ...]
    curves: tuple[Curve, ...]
    note: str = "Research use only. Not a medical device."
