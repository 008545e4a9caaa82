"""Rows of series.csv: what a scan of a tree of files came upon."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScannedSeries:
    """A series, or an image in another format than DICOM. The row names the patient.

    Attributes:
        key: Key by which tables name the series.
        verdict: `volume`, `dose`, `plan`, `structures`, `registration`, `not used`, or why it is no
            volume.
        patient: Name of the patient in the hospital; empty if the file does not state it.
        modality: DICOM modality, e.g. `MR`.
        description: Description in the scanner's words, or the name of the image.
        date: YYYYMMDD; empty where the file, or for an image a table of BIDS, does not say.
        files: Number of files.
        slices: Number of slices; for images.
        spacing: Spacing between slices, rows and columns, mm.
        contrast_agent: Whether the header names one.
        image_type: DICOM image type.
        split_by: Difference from the other parts of the series, with the value of this one.
        frame_of_reference: UID.
        plan: UID of the plan, or of the plans that a dose refers to.
        fractions: Fractions of a plan.
        folder: Folder of its first file, below the folder that was scanned.
        patient_by: Evidence for the patient, if that is not PatientID: e.g. `folder`, `study or
            frame of reference`, `PatientID and birth date`. For an image in another format: `sub-
            in names` or `folders`.
        session: Session of an image in another format, by file or folder names.
        sidecar: Modality and description in the JSON file beside such an image.
    """

    key: str
    verdict: str
    patient: str = ""
    modality: str = ""
    description: str = ""
    date: str = ""
    files: int = 0
    slices: int = 0
    spacing: str = ""
    contrast_agent: bool = False
    image_type: str = ""
    split_by: str = ""
    frame_of_reference: str = ""
    plan: str = ""
    fractions: int | None = None
    folder: str = "."
    patient_by: str = ""
    session: str = ""
    sidecar: str = ""
