"""Burdenko-GBM-Progression: glioblastoma, DICOM with plan and dose, response at each follow-up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ricenet_v2.ingest.cohorts.record import Cohort, CohortTable, ExcludedCase
from ricenet_v2.ingest.cohorts.sources import Cells, CohortSources
from ricenet_v2.ingest.dates import days_between
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.ingest.proposals import propose
from ricenet_v2.records.manifest import Manifest, ManifestRow

PROGRESSION, PSEUDO = "progression", "pseudoprogression"
NO_EVENT = "no follow-up is progression or pseudoprogression"
UNKNOWN = "a response before it is none of response, stable, progression, pseudoprogression"
NO_DATE = "no date (YYYY-MM-DD or DD.MM.YYYY) of the follow-up"
NO_FILES = "no DICOM files of the patient below FOLDER"
_NEAR_DAYS = 14
_ORDINALS = ("1st", "2nd", "3rd", *(f"{n}th" for n in range(4, 16)))
_ISO = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[ T].*)?")
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")

_Response = Literal["progression", "pseudoprogression", "none", "unknown"]


@dataclass(frozen=True)
class _FollowUp:
    number: int
    response: _Response
    date: str


def _first_progression(sources: CohortSources) -> Iterator[ManifestRow | ExcludedCase]:
    """The first follow-up that is progression or pseudoprogression."""
    for cells in sources.rows("patients"):
        name = cells["patient"]
        event = _event(cells)
        if isinstance(event, str):
            yield ExcludedCase(name, event)
        elif not sources.of_patient(name):
            yield ExcludedCase(name, NO_FILES)
        else:
            yield _case(sources, name, event)


def _event(cells: Cells) -> _FollowUp | str:
    for follow_up in _follow_ups(cells):
        if follow_up.response == "unknown":
            return UNKNOWN
        if follow_up.response != "none":
            return follow_up if follow_up.date else NO_DATE
    return NO_EVENT


def _follow_ups(cells: Cells) -> Iterator[_FollowUp]:
    by_name = {" ".join(title.casefold().split()): cell for title, cell in cells.items()}
    for number, ordinal in enumerate(_ORDINALS, 1):
        response = by_name.get(f"response_{ordinal}_fup", "")
        day = by_name.get(f"anonym{ordinal}_fup", "")
        yield _FollowUp(number, _response_of(response), _date_of(day))


def _response_of(cell: str) -> _Response:
    word = re.sub(r"[^a-z/]", "", cell.casefold())
    if word.startswith("pseudo"):
        return "pseudoprogression"
    if word.startswith("progress"):
        return "progression"
    is_none = word in {"", "na", "n/a", "nan", "none"} or re.match("stable|.*response", word)
    return "none" if is_none else "unknown"


def _date_of(cell: str) -> str:
    """YYYYMMDD; empty for any other form: 03/04/2015 may be March or April."""
    if match := _ISO.fullmatch(cell):
        return "".join(match.groups())
    if match := _GERMAN.fullmatch(cell):
        return f"{match[3]}{match[2]:0>2}{match[1]:0>2}"
    return ""


def _case(sources: CohortSources, name: str, event: _FollowUp) -> ManifestRow:
    # As one patient, however headers spell the name.
    series = [replace(row, patient=name) for row in sources.of_patient(name)]
    (draft,) = propose(series, {})
    wanted = replace(draft, event_date=event.date, images={**draft.images, EVENT.title: ""})
    (row,) = propose(series, {}, Manifest((POST_OP, EVENT), (wanted,)))
    key, reason = row.images[EVENT.title], row.reason
    day = next((s.date for s in series if s.key == key), "")
    apart = days_between(event.date, day)
    if key and (apart is None or abs(apart) > _NEAR_DAYS):
        key, reason = "", f"event: no T1 with contrast agent within {_NEAR_DAYS} days of it"
    return replace(
        row,
        label=PSEUDO if event.response == PSEUDO else PROGRESSION,
        images={**row.images, EVENT.title: key},
        structures="",
        reason=f"follow-up {event.number}; {reason}; {draft.reason}",
    )


BURDENKO = Cohort(
    name="burdenko",
    title="Burdenko-GBM-Progression",
    doi="10.7937/E1QP-D183",
    units="patients",
    columns=(POST_OP, EVENT),
    tables={
        "patients": CohortTable(
            ("Burdenko*clinical*",),
            {
                "patient": "AnonymPatientID",
                "response": "Response_1st_fup",
                "date": "Anonym1st_fup",
            },
        )
    },
    rules={"first-progression": _first_progression},
    exclusions=(NO_EVENT, UNKNOWN, NO_DATE, NO_FILES),
)
