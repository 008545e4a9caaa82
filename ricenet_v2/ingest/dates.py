"""Dates of studies, which leave the folder of a scan as numbers of days alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from ricenet_v2.records.scanned import ScannedSeries

_LENGTH = 8
DAYS_SINCE_RT = "days_since_rt"


def radiotherapy_date(series: Sequence[ScannedSeries]) -> str:
    """YYYYMMDD of the latest plan or dose, else of the CT; empty where none is known."""
    for modalities in (("RTDOSE", "RTPLAN"), ("CT",)):
        dates = [s.date for s in series if s.modality in modalities and _day(s.date)]
        if dates:
            return max(dates)
    return ""


def days_between(first: str, second: str) -> int | None:
    """Days from one date, YYYYMMDD, to another; None where either is not known."""
    start, end = _day(first), _day(second)
    return (end - start).days if start and end else None


def _day(text: str) -> date | None:
    if len(text) != _LENGTH or not text.isdecimal():
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def days_of(
    images: Mapping[str, ScannedSeries],
    of_patient: Sequence[ScannedSeries],
    *,
    is_last: bool = True,
) -> dict[str, str]:
    """Days of images since the first study of the patient, and of the last since radiotherapy.

    Args:
        images: Images by name of the channel.
        of_patient: All series.
        is_last: Whether the last of these images is that of the event for sure: of a patient who
            lacks images it may be one before radiotherapy, whose days are then left out.

    Returns:
        Covariates; those that are not known are left out.
    """
    dates = [each.date for each in of_patient if _day(each.date)]
    start, treated = min(dates, default=""), radiotherapy_date(of_patient)
    days = {f"days_{name}": days_between(start, image.date) for name, image in images.items()}
    last = max((image.date for image in images.values()), default="")
    since = days_between(treated, last)
    days[DAYS_SINCE_RT] = since if is_last or (since or 0) >= 0 else None
    return {name: str(value) for name, value in days.items() if value is not None}
