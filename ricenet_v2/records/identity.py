"""Columns of a table of cases that may identify a patient."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ricenet_v2.records.cells import known

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ANYWHERE = re.compile(
    r"name|birth|geburt|date|datum|address|adress|street|strasse|phone|telefon|mail|postal"
    r"|post_?code|plz|zip|comment|bemerkung|note|remark|doctor|physician|arzt|insurance|accession|initials"
    r"|nummer|number(?!_?of)"
)
_WORDS = {"dob", "mrn", "ssn", "nhs", "pid", "uid"}
_LAST_WORDS = {"no", "nr", "num", "initial"}
_NO_IDS = ("oid", "acid", "carotid", "covid", "fluid", "grid", "hybrid", "lipid", "rapid", "solid")
"""Endings of words that end in `id` and are no identifiers, such as steroid."""
_LONG = re.compile(r"\d{6,}(\.0*)?")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{1,2}[./-]\d{1,2}[./-](\d{2}|\d{4})")
_MOSTLY = 0.9


def is_identity(column: str, cells: Iterable[str] = ()) -> bool:
    """Whether a column is to stay out of metrics, regressions and pages unless it is requested.

    By its name (`PatientID`, `date_of_birth`, `Fallnummer`), or by its cells: dates, or whole
    numbers of six and more digits that hardly occur twice. In doubt it says yes: it rests on words
    and cannot know every table, so look at a page before it is given away.

    Args:
        column: Name.
        cells: Cells of all cases; empty ones do not count.
    """
    return _is_named_so(column) or _looks_so([cell for cell in map(known, cells) if cell])


def _is_named_so(column: str) -> bool:
    name = re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", column).lower()).strip("_")
    parts = name.split("_")
    return (
        _ANYWHERE.search(name) is not None
        or (parts[-1].endswith("id") and not parts[-1].endswith(_NO_IDS))
        or not _WORDS.isdisjoint(parts)
        or parts[-1] in _LAST_WORDS
    )


def _looks_so(cells: list[str]) -> bool:
    if any(_DATE.fullmatch(cell) for cell in cells):
        return True
    long = [cell for cell in cells if _LONG.fullmatch(cell)]
    return 2 * len(long) > len(cells) and len(set(long)) >= _MOSTLY * len(long)
