"""Dates of images by tables of BIDS: `scans.tsv` of a session, else `sessions.tsv` of a subject.

Two columns of each are read, `acq_time` and the name of what it is of. Dates may be shifted, as
BIDS asks of anonymised ones; the days between them are right.
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from ricenet_v2.core.regular import opened
from ricenet_v2.core.text import NotTextError, decoded
from ricenet_v2.ingest.image_tree import ImagePlace

_SCANS, _SESSIONS = "_scans.tsv", "_sessions.tsv"
_LONGEST = 1 << 24
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ].*)?")


def bids_dates(
    folder: Path, names: Iterable[str], places: Mapping[str, ImagePlace]
) -> dict[str, str]:
    """Dates of images, YYYYMMDD; those that are not known, or twice and differently, are left out.

    Args:
        folder: Folder that was scanned.
        names: Paths of all files below it.
        places: Patient and session of the images, by their paths.
    """
    tables = [name for name in names if name.endswith((_SCANS, _SESSIONS))]
    images = {name.replace("\\", "/"): name for name in places}
    of_scans: dict[str, set[str]] = {}
    of_sessions: dict[tuple[str, str], set[str]] = {}
    for name in tables:
        place = PurePosixPath(name.replace("\\", "/"))
        for row in _rows(folder / name):
            day = _day(row.get("acq_time"))
            if not day:
                continue
            if name.endswith(_SCANS):
                path = posixpath.normpath(str(place.parent / (row.get("filename") or "")))
                of_scans.setdefault(path, set()).add(day)
            else:
                subject = place.name.removesuffix(_SESSIONS)
                of_sessions.setdefault((subject, row.get("session_id") or ""), set()).add(day)
    dates = {}
    for path, name in images.items():
        where = places[name]
        days = of_scans.get(path) or of_sessions.get((where.patient, where.session), set())
        if len(days) == 1:
            dates[name] = min(days)
    return dates


def _rows(path: Path) -> Iterator[Mapping[str, str | None]]:
    """The lines of a table; none of one that cannot be read."""
    try:
        with opened(path) as stream:
            content = stream.read(_LONGEST + 1)
        text = decoded(content) if len(content) <= _LONGEST else ""
        yield from csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    except (OSError, NotTextError, csv.Error):
        return


def _day(text: str | None) -> str:
    match = _DATE.fullmatch((text or "").strip())
    return "".join(match.groups()) if match else ""
