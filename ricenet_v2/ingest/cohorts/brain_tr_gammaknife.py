"""Brain-TR-GammaKnife: metastases, DICOM with dose, recurrence of each lesion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ricenet_v2.ingest.cohorts.record import Cohort, CohortTable, ExcludedCase
from ricenet_v2.ingest.cohorts.sources import Cells, CohortSources
from ricenet_v2.ingest.image_proposals import Choice, open_choice
from ricenet_v2.ingest.proposals import is_contrast_t1
from ricenet_v2.ingest.structures import roi_names
from ricenet_v2.records.manifest import ImageColumn, ManifestRow
from ricenet_v2.records.scanned import ScannedSeries

PLANNING = ImageColumn("mri", "T1c_planning")
RECURRENCE, STABLE = "recurrence", "stable"
NO_LABEL = "a lesion is neither stable nor a recurrence"
NO_FILES = "no dose of the patient below FOLDER"
OTHER_NUMBER = "the days of doses are not as many as the courses in the table"
_SKULL = re.compile("skull", re.IGNORECASE)


def _any_lesion(sources: CohortSources) -> Iterator[ManifestRow | ExcludedCase]:
    """A course is a recurrence where any of its lesions is one."""
    courses: dict[tuple[str, int], list[Cells]] = {}
    for row in sources.rows("lesions"):
        courses.setdefault((_patient(row["patient"]), _number(row["course"])), []).append(row)
    numbers: dict[str, set[int]] = {}
    for patient, course in courses:
        numbers.setdefault(patient, set()).add(course)
    for (patient, course), lesions in sorted(courses.items()):
        label = _label(lesions)
        name = f"{patient} course {course}"
        series = sources.of_patient(patient)
        days = sorted({row.date for row in series if row.verdict == "dose"})
        if not label:
            yield ExcludedCase(name, NO_LABEL)
        elif not days:
            yield ExcludedCase(name, NO_FILES)
        elif sorted(numbers[patient]) != list(range(1, len(days) + 1)):
            yield ExcludedCase(name, OTHER_NUMBER)
        else:
            of_day = [row for row in series if row.date == days[course - 1]]
            yield _case(sources, patient, course, label, lesions, of_day)


def _patient(cell: str) -> str:
    """`103`, `103.0`, `GK_103` and `GK.103_1` are patient `GK_103`."""
    digits = re.search(r"\d+", cell)
    return f"GK_{digits[0].zfill(3)}" if digits else cell


def _number(cell: str) -> int:
    digits = re.search(r"\d+", cell)
    return int(digits[0]) if digits else 0


def _label(lesions: Sequence[Cells]) -> str:
    words = [row["outcome"].casefold() for row in lesions]
    if not all("recur" in word or "stable" in word for word in words):
        return ""
    return RECURRENCE if any("recur" in word for word in words) else STABLE


def _case(
    sources: CohortSources,
    patient: str,
    course: int,
    label: str,
    lesions: Sequence[Cells],
    series: Sequence[ScannedSeries],
) -> ManifestRow:
    image = _image(series)
    structures, roi = _lesion(sources, lesions, series)
    fractions = {_number(row["fractions"]) for row in lesions}
    n = fractions.pop() if len(fractions) == 1 else 0
    reasons = [f"day {course} of doses by date", f"image: {image.reason}"]
    if n != 1:
        reasons.append("write prescription_gy, or factor: the table has no prescription")
    return ManifestRow(
        patient=patient,
        case=str(course),
        label=label,
        images={PLANNING.title: image.key},
        dose=tuple(row.key for row in series if row.verdict == "dose"),
        # Of a single fraction the dose is that of the course; of several nobody says it.
        factor=("1",) if n == 1 else (),
        fractions=(n,) if n else (),
        structures=structures,
        lesion_roi=roi,
        covariates={"lesions": str(len(lesions))},
        reason="; ".join(reasons),
    )


def _image(series: Sequence[ScannedSeries]) -> Choice:
    volumes = [row for row in series if row.modality == "MR" and row.verdict == "volume"]
    chosen = [row for row in volumes if is_contrast_t1(row)] or volumes
    if len(chosen) != 1:
        return open_choice(f"{len(chosen)} are suitable", chosen)
    return Choice(chosen[0].key, "the only suitable MR of the day")


def _lesion(
    sources: CohortSources, lesions: Sequence[Cells], series: Sequence[ScannedSeries]
) -> tuple[str, str]:
    """Structures and region, where there is one lesion and one region: names differ otherwise."""
    kept = [row for row in series if row.verdict == "structures"]
    if len(kept) != 1 or len(lesions) != 1:
        return "", ""
    names = roi_names(sources.scan.series[kept[0].key].first.file)
    drawn = [name for name in names if not _SKULL.search(name)]
    return (kept[0].key, drawn[0]) if len(drawn) == 1 else ("", "")


BRAIN_TR_GAMMAKNIFE = Cohort(
    name="brain-tr-gammaknife",
    title="Brain-TR-GammaKnife",
    doi="10.7937/xb6d-py67",
    units="treatment courses",
    columns=(PLANNING,),
    tables={
        "lesions": CohortTable(
            ("Brain-TR-GammaKnife*Clinical*", "lesion_level*"),
            {
                "patient": "unique_pt_id",
                "course": "Treatment Course",
                "outcome": "mri_type",
                "fractions": "Fractions",
            },
            sheet="lesion_level",
        )
    },
    rules={"any-lesion": _any_lesion},
    exclusions=(NO_LABEL, NO_FILES, OTHER_NUMBER),
)
