"""Assignment of series to patients: DICOM by the header, other images by their folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ricenet_v2.ingest.image_tree import BY_NAMES, subject_of
from ricenet_v2.records.manifest import same_patient
from ricenet_v2.records.scanned import ScannedSeries


def owners(rows: Sequence[ScannedSeries]) -> dict[str, str]:
    """The patient of each series, by key, as far as it is known.

    That of the row, by `ingest/patients.py`; of an image in another
    format, the patient of the DICOM files in its folder, else in the nearest folder around it that
    has some, where they are of one, else that of the DICOM files in folders of the same `sub-`,
    where they are of one, else `sub-` in its name. Other folders are a guess for proposals alone.
    Of the spellings of one patient (`same_patient`), as programs of a hospital differ in them, one
    stands for all.
    """
    of_dicom = {row.key: row.patient or top_folder(row) for row in rows if row.modality}
    spelled: dict[str, str] = {}
    for name in sorted({*of_dicom.values(), *(row.patient for row in rows)}):
        spelled.setdefault(same_patient(name), name)
    of_dicom = {key: spelled[same_patient(name)] for key, name in of_dicom.items()}
    within: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        for folder in _folders_of(row) if row.modality else ():
            within.setdefault(folder, set()).add(of_dicom[row.key])
    nearest = {
        row.key: next((within[folder] for folder in _folders_of(row) if folder in within), set())
        for row in rows
        if not row.modality
    }
    of_images = {key: min(names) for key, names in nearest.items() if len(names) == 1}
    of_subjects = _patients_of_subjects(rows, of_dicom)
    of_names = {
        row.key: of_subjects.get(row.patient, spelled[same_patient(row.patient)])
        for row in rows
        if row.patient_by == BY_NAMES
    }
    return of_dicom | of_names | of_images


def _patients_of_subjects(
    rows: Sequence[ScannedSeries], of_dicom: Mapping[str, str]
) -> dict[str, str]:
    """The patient of each `sub-` whose folders hold DICOM files of one, as `sourcedata` of BIDS."""
    within: dict[str, set[str]] = {}
    for row in rows:
        if row.modality and (subject := subject_of(row.folder)):
            within.setdefault(subject, set()).add(of_dicom[row.key])
    return {subject: min(names) for subject, names in within.items() if len(names) == 1}


def top_folder(row: ScannedSeries) -> str:
    """The first folder of a row, below the one that was scanned."""
    return _folders_of(row)[-1][0]


def _folders_of(row: ScannedSeries) -> list[tuple[str, ...]]:
    """The folder of a row and those around it, below the one that was scanned."""
    parts = tuple(row.folder.replace("\\", "/").split("/"))
    return [parts[:n] for n in range(len(parts), 0, -1)]
