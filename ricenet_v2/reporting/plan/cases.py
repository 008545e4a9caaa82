"""The table of cases, those that differ first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ricenet_v2.records.fingerprint import CaseMeasurement, Fingerprint
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.reporting.formatting import NOTHING, number, share, times
from ricenet_v2.reporting.plan.cohort import AXES, extent, is_larger_than_input

_FAR = 3.0
_LEAST_SPREAD = 0.05
_RARE = 0.05
_TINY = 1e-9


@dataclass(frozen=True)
class PlannedCaseRow:
    """One case in words; `doses` has an entry per dose channel, `flags` one per oddity."""

    case_id: str
    spacing: str
    shape: str
    cropped: str
    foreground: str
    doses: tuple[str, ...]
    flags: tuple[str, ...]


def case_rows(fingerprint: Fingerprint, plan: Plan) -> list[PlannedCaseRow]:
    """All training cases, flagged ones first, each group in the order of the fingerprint."""
    flagged = flags(fingerprint, plan)
    doses = [n for n, channel in enumerate(fingerprint.channels) if KINDS[channel.kind].is_dose]
    rows = [
        PlannedCaseRow(
            case_id=case.case_id,
            spacing=times(case.spacing),
            shape=times(case.shape),
            cropped=times(case.cropped_shape),
            foreground=share(case.foreground_share),
            doses=tuple(
                NOTHING if (dose := case.channels[n]) is None else number(dose.maximum)
                for n in doses
            ),
            flags=flagged[case.case_id],
        )
        for case in fingerprint.cases
    ]
    return sorted(rows, key=lambda row: not row.flags)


def flags(fingerprint: Fingerprint, plan: Plan) -> dict[str, tuple[str, ...]]:
    """Flags of each case that differs from the others, in words; empty if it does not."""
    flagged: dict[str, list[str]] = {case.case_id: [] for case in fingerprint.cases}
    for case in fingerprint.cases:
        if is_larger_than_input(case, plan):
            flagged[case.case_id].append("larger than the input")
        flagged[case.case_id] += _of_channels(fingerprint, case)
    for name, values in _compared(fingerprint).items():
        for case, direction in zip(fingerprint.cases, far_out(values), strict=True):
            if direction:
                flagged[case.case_id].append(f"{name} {'high' if direction > 0 else 'low'}")
    return {case_id: tuple(texts) for case_id, texts in flagged.items()}


def _of_channels(fingerprint: Fingerprint, case: CaseMeasurement) -> Iterator[str]:
    for channel, measured in zip(fingerprint.channels, case.channels, strict=True):
        if measured is None:
            yield f"lacks {channel.name}"
        elif KINDS[channel.kind].is_dose and measured.outlier_share > 0:
            yield f"{channel.name}: {share(measured.outlier_share)} below 0 or above 80 Gy"


def far_out(values: Sequence[float]) -> list[int]:
    """1 where a value is far above the others, -1 where far below, else 0.

    Far is beyond 3 interquartile ranges of the quartiles (Tukey: far out), where a range counts as
    at least 5 % of the median, since alike cases may differ by rounding. What more than one case
    in twenty has on that side is no outlier but a group, e.g. of another prescription. NaN, where
    a case lacks the channel, is neither.
    """
    column = np.asarray(values, dtype=np.float64)
    ordered = np.sort(column[~np.isnan(column)])
    first, middle, third = np.percentile(ordered, [25, 50, 75])
    reach = _FAR * max(third - first, _LEAST_SPREAD * abs(middle), _TINY)
    few = min(max(1, int(_RARE * ordered.size)), ordered.size - 1)
    below = column < min(first - reach, ordered[few])
    above = column > max(third + reach, ordered[-1 - few])
    return [int(value) for value in above.astype(int) - below.astype(int)]


def _compared(fingerprint: Fingerprint) -> dict[str, list[float]]:
    """Quantities that are compared across the cases, by name."""
    cases = fingerprint.cases
    compared: dict[str, list[float]] = {}
    for axis, title in enumerate(AXES):
        letter = title[0]
        compared[f"spacing {letter}"] = [case.spacing[axis] for case in cases]
        compared[f"region {letter}"] = [_region(case)[axis] for case in cases]
    for n, channel in enumerate(fingerprint.channels):
        measured = [case.channels[n] for case in cases]
        if KINDS[channel.kind].is_dose:
            maxima = [math.nan if each is None else each.maximum for each in measured]
            compared[f"{channel.name} maximum"] = maxima
        elif not KINDS[channel.kind].is_mask:
            medians = [math.nan if each is None else each.percentile_50 for each in measured]
            compared[f"{channel.name} median"] = medians
    return compared


def _region(case: CaseMeasurement) -> tuple[float, float, float]:
    return extent(case.cropped_shape, case.spacing)
