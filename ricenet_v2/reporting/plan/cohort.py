"""Charts of what was measured: geometry, intensities, dose, outliers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Triple
from ricenet_v2.records.fingerprint import (
    CaseMeasurement,
    ChannelFingerprint,
    ChannelMeasurement,
    Fingerprint,
)
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.normalisation import describe_scheme
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Normalisation
from ricenet_v2.reporting.charts import Chart, Mark, Series, histogram, ranges
from ricenet_v2.reporting.formatting import number, several, times

AXES = ("z, foot to head", "y, front to back", "x, right to left")
_PERCENT = 100.0


@dataclass(frozen=True)
class CohortGroup:
    """Charts that belong together, and what the reader must know of them.

    Attributes:
        title: Heading of the group.
        note: Text below the heading.
        charts: Side by side.
        legend: Pairs of a colour's name (`first`, `second`, `mark`) and what it stands for.
    """

    title: str
    note: str
    charts: tuple[Chart, ...]
    legend: tuple[tuple[str, str], ...] = ()


Measure = Callable[[CaseMeasurement], tuple[float, float, float]]
_REGION, _WHOLE = "the region, cropped", "the whole image"


def geometry(fingerprint: Fingerprint, plan: Plan) -> tuple[CohortGroup, ...]:
    """Spacing, extent in mm and voxels along each axis."""
    seen = tuple(n * mm for n, mm in zip(plan.input_size, plan.spacing, strict=True))
    legend = (("first", _REGION), ("second", _WHOLE))
    return (
        CohortGroup(
            "Spacing",
            "Distance between voxels. Every case is resampled to "
            f"{times(plan.spacing)} mm (z, y, x).",
            _by_axis(
                fingerprint,
                ("Spacing", "mm"),
                {"spacing": lambda case: case.spacing},
                [Mark("target", value) for value in plan.spacing],
            ),
            (("first", "training cases"), ("mark", "target spacing")),
        ),
        CohortGroup(
            "Extent",
            f"The network sees {times(seen)} mm (z, y, x). {larger_than_input(fingerprint, plan)}",
            _by_axis(
                fingerprint,
                ("Extent", "mm"),
                {
                    _REGION: lambda case: extent(case.cropped_shape, case.spacing),
                    _WHOLE: lambda case: extent(case.shape, case.spacing),
                },
                [Mark("input", value) for value in seen],
            ),
            (*legend, ("mark", "what the network sees")),
        ),
        CohortGroup(
            "Voxels as stored",
            f"Before resampling. The input of {times(plan.input_size)} counts voxels of the target "
            "spacing, so it is marked in millimetres above.",
            _by_axis(
                fingerprint,
                ("Voxels", "voxels"),
                {_REGION: lambda case: case.cropped_shape, _WHOLE: lambda case: case.shape},
                [None] * 3,
            ),
            legend,
        ),
    )


def intensities(fingerprint: Fingerprint) -> tuple[CohortGroup, ...]:
    """Each channel that is no dose: means of the cases, and the range of each case."""
    return tuple(
        _intensities(fingerprint, index)
        for index, channel in enumerate(fingerprint.channels)
        if not KINDS[channel.kind].is_dose
    )


def _intensities(fingerprint: Fingerprint, index: int) -> CohortGroup:
    channel = fingerprint.channels[index]
    means = Series("mean", _of(fingerprint, index, _mean))
    if KINDS[channel.kind].is_mask:
        return CohortGroup(
            f"Channel {channel.name}: size of the mask",
            "Of each case, the mean inside the foreground: the share of it that is marked.",
            (histogram("Mean", "share", [means], low=0, subject=channel.name),),
            (("first", "training cases"),),
        )
    unit = KINDS[channel.kind].unit or "intensity"
    low = _of(fingerprint, index, lambda measured: measured.percentile_00_5)
    middle = _of(fingerprint, index, lambda measured: measured.percentile_50)
    high = _of(fingerprint, index, lambda measured: measured.percentile_99_5)
    return CohortGroup(
        f"Channel {channel.name}: intensities",
        f"Of each case{_that_has_it(channel)}, inside the foreground, before normalisation.",
        (
            histogram("Mean", unit, [means], subject=channel.name),
            ranges("0.5 to 99.5 percentile", unit, low, middle, high, channel.name),
        ),
        (("first", "training cases"), ("mark", "median")),
    )


def _that_has_it(channel: ChannelFingerprint) -> str:
    if not channel.n_missing:
        return ""
    return f" that has it ({several(channel.n_missing, 'training case')} without)"


def doses(fingerprint: Fingerprint, plan: Plan) -> tuple[CohortGroup, ...]:
    """Each dose channel: maximum, 99.9 percentile and mean of the cases, in Gy."""
    return tuple(
        _dose(fingerprint, index, plan.channels[index].normalisation)
        for index, channel in enumerate(fingerprint.channels)
        if KINDS[channel.kind].is_dose
    )


def _dose(fingerprint: Fingerprint, index: int, how: Normalisation) -> CohortGroup:
    name = fingerprint.channels[index].name
    divisor = how.divisor
    mark = Mark("divisor", divisor) if divisor else None
    scheme = (
        f"divided by {number(divisor)} Gy, in every patient" if divisor else describe_scheme(how)
    )
    measured = {
        "Maximum": (_of(fingerprint, index, lambda measured: measured.maximum), mark),
        "99.9 percentile": (
            _of(fingerprint, index, lambda measured: measured.percentile_99_9),
            mark,
        ),
        "Mean": (_of(fingerprint, index, _mean), None),
    }
    return CohortGroup(
        f"Channel {name}: dose",
        f"Of each case{_that_has_it(fingerprint.channels[index])}, over the whole grid, before "
        f"normalisation: {scheme}.",
        tuple(
            histogram(title, "Gy", [Series(title, values)], line, low=0, subject=name)
            for title, (values, line) in measured.items()
        ),
        (("first", "training cases"), *((("mark", "fixed divisor"),) if mark else ())),
    )


def outliers(fingerprint: Fingerprint) -> tuple[CohortGroup, ...]:
    """The share of outliers of each channel, where there are any."""
    shares = {
        channel.name: _PERCENT * _of(fingerprint, index, lambda measured: measured.outlier_share)
        for index, channel in enumerate(fingerprint.channels)
    }
    clean = [name for name, values in shares.items() if not values.any()]
    charts = [
        histogram(name, "% of voxels", [Series("share", values)], low=0, subject="Outliers")
        for name, values in shares.items()
        if values.any()
    ]
    note = (
        "Voxels beyond 3 interquartile ranges of the quartiles of their case; of a dose, "
        "voxels below 0 or above 80 Gy."
    )
    if clean:
        note += f" None in any case: {', '.join(clean)}."
    return (CohortGroup("Outliers", note, tuple(charts)),)


def extent(shape: Triple, spacing: Triple) -> Triple:
    """Millimetres along (z, y, x)."""
    z, y, x = (n * mm for n, mm in zip(shape, spacing, strict=True))
    return z, y, x


def is_larger_than_input(case: CaseMeasurement, plan: Plan) -> bool:
    """Whether the region is cropped at its rim to fit the input; half a voxel is rounding."""
    region = extent(case.cropped_shape, case.spacing)
    return any(
        mm / target > n + 0.5
        for mm, target, n in zip(region, plan.spacing, plan.input_size, strict=True)
    )


def larger_than_input(fingerprint: Fingerprint, plan: Plan) -> str:
    """A sentence on how many cases are larger than the input and lose their rim."""
    n = sum(is_larger_than_input(case, plan) for case in fingerprint.cases)
    if not n:
        return "The region of every case fits in."
    larger = "1 is larger and loses its rim" if n == 1 else f"{n:,} are larger and lose their rim"
    return f"Of {several(fingerprint.n_cases, 'case')}, {larger}."


def _by_axis(
    fingerprint: Fingerprint,
    subject_and_unit: tuple[str, str],
    measures: dict[str, Measure],
    marks: Sequence[Mark | None],
) -> tuple[Chart, ...]:
    subject, unit = subject_and_unit
    columns = {
        name: np.array([measure(case) for case in fingerprint.cases], dtype=np.float64)
        for name, measure in measures.items()
    }
    charts = []
    for axis, (title, mark) in enumerate(zip(AXES, marks, strict=True)):
        series = [Series(name, values[:, axis]) for name, values in columns.items()]
        charts.append(histogram(title, unit, series, mark, subject=subject))
    return tuple(charts)


def _mean(channel: ChannelMeasurement) -> float:
    return channel.mean


def _of(
    fingerprint: Fingerprint, index: int, value_of: Callable[[ChannelMeasurement], float]
) -> NDArray[np.float64]:
    measured = [case.channels[index] for case in fingerprint.cases]
    return np.array([value_of(each) for each in measured if each is not None])
