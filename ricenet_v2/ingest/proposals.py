"""Series proposed for the cases of a patient, with a reason; left open where two fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ricenet_v2.ingest.dates import days_between, radiotherapy_date
from ricenet_v2.ingest.image_proposals import (
    Choice,
    is_contrast_t1_image,
    open_choice,
    propose_images,
    two_times,
)
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.ingest.series_owners import owners, top_folder
from ricenet_v2.records.manifest import DOSE, Manifest, ManifestRow, same_patient
from ricenet_v2.records.scanned import ScannedSeries

_LOCALISER = re.compile(r"loc|scout|survey|smartbrain|plan.?scan", re.IGNORECASE)
_SUBTRACTION = re.compile(r"(^|[^a-z])(sub|subtr\w*)([^a-z]|$)", re.IGNORECASE)
_T1 = re.compile(r"t1|mp.?rage|mp2rage|spgr|bravo|vibe|tfe|thrive|space", re.IGNORECASE)
_OTHER = re.compile(
    r"t2|flair|dwi|adc|diff|dti|swi|swan|perf|dsc|dce|ep2d|asl|bold|tof|angio|spectro|csi|fl2d_hemo",
    re.IGNORECASE,
)
_CONTRAST = re.compile(
    r"(^|[^a-z0-9])(\+?c\+?|ce|gd|gad\w*|km|kontrast\w*|contrast|post.?c\w*|post|dotarem|gadovist)"
    r"([^a-z]|$)|t1c|\+c|c\+|_ce",
    re.IGNORECASE,
)
_BRAIN_MASK = re.compile(r"brain.*mask|mask.*brain|^brain\.", re.IGNORECASE)
_BESIDE = (
    "no DICOM, beside DICOM of other patients: if these images are of one of them, write their "
    "keys into that row and delete this one"
)
_SAME_MM = 0.05
BRAIN = "brain"


def propose(
    rows: Sequence[ScannedSeries],
    roi_names: Mapping[str, Sequence[str]],
    earlier: Manifest | None = None,
) -> tuple[ManifestRow, ...]:
    """Propose a case of each patient.

    Args:
        rows: Rows of the scan.
        roi_names: Names of regions of interest, by key of the structures.
        earlier: Manifest corrected by a person. Its rows stay unchanged, except for the image of
            the event where it is empty and a date of the event was entered; new patients are
            appended, except those without DICOM one of whose images is in an earlier row.
    """
    by_patient = _by_patient(rows)
    kept = [] if earlier is None else [_kept(row, by_patient) for row in earlier.rows]
    known = {same_patient(row.patient) for row in kept}
    named = {key for row in kept for key in _keys_of(row)}
    new = {
        patient: series
        for patient, series in sorted(by_patient.items())
        if same_patient(patient) not in known
        and not (_is_without_dicom(series) and named & {row.key for row in series})
    }
    is_beside_dicom = not _is_without_dicom(rows)
    proposed = {patient: _proposed(patient, series, roi_names) for patient, series in new.items()}
    return (
        *kept,
        *(
            replace(row, reason=f"{_BESIDE}; {row.reason}")
            if is_beside_dicom and _is_without_dicom(new[patient])
            else row
            for patient, row in proposed.items()
        ),
    )


def with_candidates(
    rows: Sequence[ScannedSeries], cases: Sequence[ManifestRow]
) -> tuple[ManifestRow, ...]:
    """Cases as a person left them, with the keys that would do for their empty cells.

    Args:
        rows: Rows of the scan.
        cases: Cases of a manifest.
    """
    by_patient = _by_patient(rows)
    return tuple(_with_candidates(case, _series_of(case, by_patient)) for case in cases)


def _by_patient(rows: Sequence[ScannedSeries]) -> dict[str, list[ScannedSeries]]:
    by_patient: dict[str, list[ScannedSeries]] = {}
    known_owners = owners(rows)
    for row in rows:
        unknown = top_folder(row) if row.modality else row.patient
        patient = known_owners.get(row.key, unknown)
        if patient:
            by_patient.setdefault(patient, []).append(row)
    return by_patient


def _keys_of(row: ManifestRow) -> set[str]:
    return {*row.images.values(), *row.dose, row.brain, row.structures} - {""}


def _is_without_dicom(series: Iterable[ScannedSeries]) -> bool:
    """Whether all are images in other formats."""
    return not any(row.modality for row in series)


def _series_of(
    row: ManifestRow, by_patient: Mapping[str, list[ScannedSeries]]
) -> list[ScannedSeries]:
    """Series of the patient of a row; if no patient has that name, of the owner of its keys."""
    name, keys = same_patient(row.patient), _keys_of(row)
    of_name = [every for patient, every in by_patient.items() if same_patient(patient) == name]
    of_keys = (every for every in by_patient.values() if keys & {each.key for each in every})
    return [each for every in of_name or of_keys for each in every]


def _with_candidates(row: ManifestRow, series: Sequence[ScannedSeries]) -> ManifestRow:
    """Keys of which one is to be chosen, or that which would be proposed now."""
    if not series:
        return replace(row, candidates={})
    cells = {**row.images, DOSE: row.dose, BRAIN: row.brain}
    proposed = _proposed(row.patient, series, {})
    would_do: dict[str, tuple[str, ...]] = {
        title: (key,) for title, key in proposed.images.items() if key
    }
    would_do |= {DOSE: proposed.dose} if proposed.dose else {}
    would_do |= proposed.candidates
    candidates = {title: keys for title, keys in would_do.items() if not cells.get(title)}
    return replace(row, candidates=candidates)


def _kept(row: ManifestRow, by_patient: Mapping[str, list[ScannedSeries]]) -> ManifestRow:
    series = _series_of(row, by_patient)
    row = _with_candidates(row, series)
    is_given = bool(row.images.get(EVENT.title, "-")) or EVENT.title in row.absent
    if not row.event_date or is_given or not series:
        return row
    if any(each.modality for each in series):
        _, choice = _times(series, radiotherapy_date(series), row.event_date)
        images = {**row.images, EVENT.title: choice.key}
        return replace(row, images=images, reason=f"event: {choice.reason}")
    proposed = propose_images(row.patient, series, row.event_date)
    images = {**row.images, EVENT.title: proposed.images[EVENT.title]}
    return replace(row, images=images, reason=proposed.reason)


def _proposed(
    patient: str, series: Sequence[ScannedSeries], roi_names: Mapping[str, Sequence[str]]
) -> ManifestRow:
    if _is_without_dicom(series):
        return propose_images(patient, series)
    treated = radiotherapy_date(series)
    post_op, event = _times(series, treated, "")
    dose, structures, brain = _dose(series), _structures(series, roi_names), _brain(series)
    reasons = {
        "patient": _said_by(series),
        "post-OP": post_op.reason,
        "event": event.reason,
        "dose": dose.reason,
        "brain": brain.reason,
        "structures": structures.reason,
    }
    choices = {POST_OP.title: post_op, EVENT.title: event, DOSE: dose, BRAIN: brain}
    return ManifestRow(
        patient=patient,
        images={POST_OP.title: post_op.key, EVENT.title: event.key},
        dose=tuple(dose.key.split()),
        brain=brain.key,
        structures=structures.key,
        reason="; ".join(f"{what}: {reason}" for what, reason in reasons.items() if reason),
        candidates={title: each.candidates for title, each in choices.items() if each.candidates},
    )


def _times(series: Sequence[ScannedSeries], treated: str, event: str) -> tuple[Choice, Choice]:
    """Post-operative image and that of the event; in another format where no MR is DICOM."""
    if not any(row.modality == "MR" for row in series):
        others = [row for row in series if not row.modality and is_contrast_t1_image(row)]
        if others:
            return two_times(others, event)
    return _post_op(series, treated), _event(series, treated, event)


def _said_by(series: Sequence[ScannedSeries]) -> str:
    """Evidence that these series are of one patient, if not PatientID alone."""
    by = sorted({row.patient_by for row in series if row.modality and row.patient_by})
    return f"decided by {' and '.join(by)}; check that it is one person" if by else ""


def is_contrast_t1(row: ScannedSeries) -> bool:
    """Whether a series is a T1 with contrast agent, neither localiser, subtraction nor derived."""
    kinds = row.image_type.upper().split("\\")
    text = row.description
    if row.modality != "MR" or row.verdict != "volume":
        return False
    if {"DERIVED", "LOCALIZER", "SUBTRACTION", "SUBTRACT"} & set(kinds):
        return False
    if _LOCALISER.search(text) or _SUBTRACTION.search(text) or _OTHER.search(text):
        return False
    return row.contrast_agent or bool(_T1.search(text) and _CONTRAST.search(text))


def _post_op(series: Sequence[ScannedSeries], treated: str) -> Choice:
    if not treated:
        return open_choice("the date of the radiotherapy is not known", _contrast_t1s(series))
    before = [(days, s) for s in _contrast_t1s(series)
              if (days := days_between(s.date, treated)) is not None and days >= 0]  # fmt: skip
    if not before:
        return open_choice("no T1 with contrast agent before radiotherapy", [])
    nearest = min(days for days, _ in before)
    chosen = [s for days, s in before if days == nearest]
    return _thinnest(chosen, f"nearest before radiotherapy, {nearest} days")


def _event(series: Sequence[ScannedSeries], treated: str, event: str) -> Choice:
    after = [s for s in _contrast_t1s(series) if (days_between(treated, s.date) or 0) > 0]
    if not treated:
        return open_choice("the date of the radiotherapy is not known", _contrast_t1s(series))
    if not after:
        return open_choice("no T1 with contrast agent after radiotherapy", [])
    if event:
        apart = [abs(days_between(event, s.date) or 0) for s in after]
        chosen = [s for days, s in zip(apart, after, strict=True) if days == min(apart)]
        if len({s.date for s in chosen}) > 1:
            return open_choice("two days are as near to the event", chosen)
        return _thinnest(chosen, f"nearest to the event, {min(apart)} days")
    if len({s.date for s in after}) > 1:
        return open_choice(
            "several days after radiotherapy; write event_date and scan again", after
        )
    return _thinnest(after, "the only day after radiotherapy")


def _contrast_t1s(series: Sequence[ScannedSeries]) -> list[ScannedSeries]:
    return [row for row in series if is_contrast_t1(row)]


def _thinnest(series: Sequence[ScannedSeries], why: str) -> Choice:
    steps = [_slice_spacing(row) for row in series]
    least = min(steps)
    chosen = [s for step, s in zip(steps, series, strict=True) if step - least < _SAME_MM]
    if len(chosen) > 1:
        return open_choice(f"{why}; two or more of {least:g} mm", chosen)
    more = f", the thinnest of {len(series)} ({least:g} mm)" if len(series) > 1 else ""
    by = "contrast agent in the header" if chosen[0].contrast_agent else "description"
    return Choice(chosen[0].key, f"T1 with contrast agent by {by}, {why}{more}")


def _slice_spacing(row: ScannedSeries) -> float:
    return float(row.spacing.split(" x ")[0])


def _dose(series: Sequence[ScannedSeries]) -> Choice:
    """Keys of all doses of the only plan, separated by blanks."""
    doses = [row for row in series if row.verdict == "dose"]
    if not doses:
        return Choice("", "none")
    if len({row.plan for row in doses}) > 1:
        return open_choice("of several plans; write the keys of those that were given", doses)
    n_files = sum(row.files for row in doses)
    return Choice(" ".join(row.key for row in doses), f"{n_files} file(s) of the only plan")


def _brain(series: Sequence[ScannedSeries]) -> Choice:
    masks = [
        row
        for row in series
        if not row.modality
        and row.verdict == "volume"
        and _BRAIN_MASK.search(Path(row.description).name)
    ]
    if not masks:
        return Choice("", "")
    if len(masks) > 1:
        return open_choice("several masks by their names; write that of the reference", masks)
    return Choice(masks[0].key, "the only mask by its name; it must be that of the reference")


def _structures(series: Sequence[ScannedSeries], roi_names: Mapping[str, Sequence[str]]) -> Choice:
    kept = [row for row in series if row.verdict == "structures"]
    if not kept:
        return Choice("", "")
    names = [f"{row.key} has {', '.join(roi_names.get(row.key, ())) or 'none'}" for row in kept]
    why = f"name the ROI of the lesion in lesion_roi, or empty both: {'; '.join(names)}"
    return Choice(kept[0].key if len(kept) == 1 else "", why)
