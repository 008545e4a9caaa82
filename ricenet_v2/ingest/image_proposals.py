"""Proposed cases of patients whose images are all in other formats than DICOM.

Dates are known where tables of BIDS have them (`bids_dates.py`), and tell the order of two. Else
two sessions with a number are taken in the order of their numbers, and the reason says so. Anything
else is left open, with the candidates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.ingest.dates import days_between
from ricenet_v2.ingest.image_tree import stem_of
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.records.manifest import DOSE, ManifestRow
from ricenet_v2.records.scanned import ScannedSeries

_WORD = r"(^|[^a-z0-9]){}([^a-z0-9]|$)"
_CONTRAST_T1 = re.compile(
    r"t1[-_ ]?(c|ce|gd|km|post|contrast)([^a-z]|$)|(^|[^a-z])ct1([^a-z0-9]|$)|ce-[a-z0-9]+.*t1w?"
    r"|t1w?.*ce-|(^|[^a-z0-9])(ce|gd|post|contrast)[-_ ]?t1",
    re.IGNORECASE,
)
_T1 = re.compile(r"(^|[^a-z])t1", re.IGNORECASE)
_NO_IMAGE = re.compile(
    r"mask|seg(mentation)?([^a-z]|$)|label|probab|dseg|xfm|"
    + _WORD.format("(gtv|ctv|ptv|dose|rtdose|subtr[a-z]*|diff)"),
    re.IGNORECASE,
)
_DOSE = re.compile(r"dose", re.IGNORECASE)
_BRAIN = re.compile(r"brain.?mask|mask.*brain|brain.*mask", re.IGNORECASE)
_MOST_NAMED = 8
_NUMBER = re.compile(r"\D*?(\d+)")


@dataclass(frozen=True)
class Choice:
    """Proposal for a cell.

    Attributes:
        key: Key of the series; empty if left open.
        reason: Reason in words.
        candidates: Keys of the suitable ones, where it is left open.
    """

    key: str
    reason: str
    candidates: tuple[str, ...] = ()


def open_choice(why: str, candidates: Sequence[ScannedSeries]) -> Choice:
    """A cell that is left open, with its candidates."""
    names = " or ".join(f"{row.key} ({_named(row)})" for row in candidates[:_MOST_NAMED])
    if len(candidates) > _MOST_NAMED:
        names += f" or {len(candidates) - _MOST_NAMED} more"
    return Choice("", f"{why}: {names}" if names else why, tuple(row.key for row in candidates))


def _named(row: ScannedSeries) -> str:
    return ", ".join(part for part in (row.description, row.split_by) if part)


def is_contrast_t1_image(row: ScannedSeries) -> bool:
    """Whether an image calls itself a T1 with contrast agent, by its name and its sidecar."""
    modality, _, description = row.sidecar.partition(" ")
    text = f"{stem_of(row.description)} {description}"
    if row.verdict != "volume" or _NO_IMAGE.search(text) or modality not in {"", "MR"}:
        return False
    return bool(_CONTRAST_T1.search(text)) or (row.contrast_agent and bool(_T1.search(text)))


def propose_images(patient: str, series: Sequence[ScannedSeries], event: str = "") -> ManifestRow:
    """Propose a case of a patient who has images in other formats alone.

    Args:
        patient: Name of the patient in file or folder names.
        series: All images of the patient.
        event: Date of the event, YYYYMMDD, as a person gave it.
    """
    post_op, of_event = two_times([row for row in series if is_contrast_t1_image(row)], event)
    volumes = [row for row in series if row.verdict == "volume"]
    doses = [row for row in volumes if _DOSE.search(stem_of(row.description))]
    brains = [row for row in volumes if _BRAIN.search(stem_of(row.description))]
    reasons = [f"patient by {series[0].patient_by}, which nothing in the files confirms"]
    reasons += [f"post-OP: {post_op.reason}", f"event: {of_event.reason}"]
    choices = {POST_OP.title: post_op, EVENT.title: of_event}
    if doses:
        needs = "with dose_unit, fractions and prescription_gy, if this is it"
        choices[DOSE] = open_choice(needs, doses)
        reasons.append(f"dose: {choices[DOSE].reason}")
    if brains:
        needs = "if it lies in the coordinates of the reference"
        reasons.append(f"brain: {open_choice(needs, brains).reason}")
    return ManifestRow(
        patient=patient,
        images={POST_OP.title: post_op.key, EVENT.title: of_event.key},
        reason="; ".join(reasons),
        candidates={title: each.candidates for title, each in choices.items() if each.candidates},
    )


def two_times(candidates: Sequence[ScannedSeries], event: str) -> tuple[Choice, Choice]:
    """Choose the post-operative image and that of the event.

    Args:
        candidates: Suitable images of a patient.
        event: Date of the event, YYYYMMDD; empty where it is not known.
    """
    if not candidates:
        nothing = Choice("", "no image calls itself a T1 with contrast agent")
        return nothing, nothing
    days = sorted({row.date for row in candidates})
    if not days[0]:  # of one of them at least
        return _two_sessions(candidates)
    first = _of_day(candidates, days[0], "the first day")
    if event and len(days) > 1:
        apart = {day: abs(days_between(event, day) or 0) for day in days[1:]}
        nearest = [day for day in apart if apart[day] == min(apart.values())]
        if len(nearest) == 1:
            why = f"the nearest day to the event, {apart[nearest[0]]} days"
            return first, _of_day(candidates, nearest[0], why)
    if len(days) != 2:
        why = f"{len(days)} day(s) by the tables of BIDS; write event_date and scan again"
        left = open_choice(why, candidates)
        return left, left
    return first, _of_day(candidates, days[1], "the second of two days")


def _of_day(candidates: Sequence[ScannedSeries], day: str, why: str) -> Choice:
    chosen = [row for row in candidates if row.date == day]
    if len(chosen) > 1:
        return open_choice(f"several of {why}", chosen)
    return Choice(
        chosen[0].key,
        f"T1 with contrast agent by {_by(chosen[0])}, of {why} by the tables of BIDS",
    )


def _by(row: ScannedSeries) -> str:
    return "sidecar" if row.contrast_agent else "name"


def _two_sessions(candidates: Sequence[ScannedSeries]) -> tuple[Choice, Choice]:
    sessions = sorted({row.session for row in candidates})
    numbers = [_number(session) for session in sessions]
    known = [number for number in numbers if number is not None]
    if len(sessions) != 2 or len(set(known)) != 2:
        why = f"no dates, and {len(sessions)} session(s) whose order is not plain"
        left = open_choice(why, candidates)
        return left, left
    first, last = sorted(sessions, key=lambda session: _number(session) or 0)
    return _of_session(candidates, first, "lower"), _of_session(candidates, last, "higher")


def _of_session(candidates: Sequence[ScannedSeries], session: str, which: str) -> Choice:
    chosen = [row for row in candidates if row.session == session]
    if len(chosen) > 1:
        return open_choice(f"several in session {session}", chosen)
    return Choice(
        chosen[0].key,
        f"T1 with contrast agent by {_by(chosen[0])}, in {session}, the {which} number of two "
        "sessions: no date confirms the order",
    )


def _number(session: str) -> int | None:
    match = _NUMBER.match(session)
    return int(match.group(1)) if match else None
