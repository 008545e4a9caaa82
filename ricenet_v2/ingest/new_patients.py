"""Studies of new patients -> cases as those that a model was trained on, without their classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.case_cohort import ConvertedCohort, convert_cohort
from ricenet_v2.ingest.case_faults import CaseFault, fault_of_case
from ricenet_v2.ingest.case_inputs import CaseSources
from ricenet_v2.ingest.case_writing import CaseDrawing
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.converted_dataset import write_tables
from ricenet_v2.ingest.manifest import NAME, read_manifest
from ricenet_v2.ingest.proposals import propose
from ricenet_v2.ingest.pseudonyms import pseudonyms_of
from ricenet_v2.ingest.scan import Scan, scan
from ricenet_v2.ingest.settings import columns_of, fault_of_head, notes_of
from ricenet_v2.ingest.work_folder import (
    REFUSED,
    draft_manifest,
    known_studies,
    write_patients,
    write_studies_path,
)
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.ingest import IngestSettings
from ricenet_v2.records.manifest import ImageColumn, Manifest, ManifestRow

CONVERTED = "converted"
"""Folder of the cases in that of the scan."""


@dataclass(frozen=True)
class NewPatients:
    """Outcome of converting the studies of new patients.

    Attributes:
        work: Folder that identifies them: manifest, key and table of the ids, converted cases.
        manifest: Manifest that was used.
        folder: Folder of the converted cases, with imagesTs and masksTs.
        cohort: Outcome of the rows of the manifest.
        refused: Why patients cannot be predicted, also where they could be converted.
        notes: Notes for the predictions of the others, by case id.
        n_unread: Number of files that could not be read.
        page: Page of pictures on which a person sees whether cases were converted right; None
            where there is none.
    """

    work: Path
    manifest: Path
    folder: Path
    cohort: ConvertedCohort
    refused: tuple[CaseFault, ...]
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    n_unread: int = 0
    page: Path | None = None

    @property
    def cases(self) -> tuple[str, ...]:
        """Ids of those that can be predicted."""
        refused = {fault.case_id for fault in self.refused}
        return tuple(c.case_id for c in self.cohort.cases if c.case_id not in refused)


def convert_new_patients(
    studies: Path,
    work: Path,
    manifest: Path | None,
    dataset: Dataset,
    settings: IngestSettings,
    options: ConvertOptions,
    num_workers: int = 1,
    draw: CaseDrawing | None = None,
    seconds: float | None = None,
) -> NewPatients:
    """Scan a tree and convert what a manifest names, as the dataset of a model was converted.

    Args:
        studies: The tree.
        work: Folder of a scan of it, or a new one.
        manifest: Manifest corrected by a person; None takes the one in `work`, which is drafted if
            there is none.
        dataset: Dataset on which the model was trained.
        settings: Settings of the conversion.
        options: Options of these settings.
        num_workers: Largest number of processes.
        draw: Writes the picture of each case.
        seconds: Time limit in seconds for converting a patient.

    Raises:
        DatasetError: `work` is that of other studies, the tree holds nothing, or the manifest
            cannot be understood or has other channels.
        DiskFullError: There is no room.
    """
    _check_same_studies(studies, work)
    columns = columns_of(settings)
    if manifest is None:
        result = draft_manifest(studies, work, columns).scan
    else:
        result = scan(studies, work)
        write_studies_path(work, studies)
    path = manifest or work / NAME
    rows = _rows(result, read_manifest(path), columns, has_dose=settings.has_dose)
    pseudonyms, folder = pseudonyms_of(work), work / CONVERTED
    sources = CaseSources(result, columns, pseudonyms, is_labelled=False)
    write_patients(work, rows, sources.case_id)
    cohort = convert_cohort(
        Manifest(columns, rows),
        sources,
        folder,
        pseudonyms,
        num_workers,
        options,
        draw,
        work / REFUSED,
        has_dose=settings.has_dose,
        seconds=seconds,
    )
    if cohort.cases:
        write_tables(folder, dataset, cohort.cases, options, is_changed=bool(cohort.done))
    lines = {sources.case_id(row): row.line for row in rows}
    heads = (
        fault_of_case(case.case_id, lines[case.case_id], fault)
        for case in cohort.cases
        if (fault := fault_of_head(settings, case)) is not None
    )
    refused = sorted((*cohort.failed, *heads), key=lambda fault: fault.line)
    notes = {case.case_id: notes_of(settings, case) for case in cohort.cases}
    return NewPatients(work, path, folder, cohort, tuple(refused), notes, len(result.unread))


def _check_same_studies(studies: Path, work: Path) -> None:
    known = known_studies(work)
    if known is not None and known.resolve() != studies.resolve():
        raise DatasetError(
            "The folder for the patients is that of other studies.",
            file=work,
            expected="a new folder, or that of an earlier scan of the same studies",
            got="one whose studies lie elsewhere",
            remedy="Choose another folder with --work.",
        )


def _rows(
    result: Scan, manifest: Manifest, columns: Sequence[ImageColumn], *, has_dose: bool
) -> tuple[ManifestRow, ...]:
    """The rows as cases to predict, with the suitable keys for what they leave open."""
    if set(manifest.columns) != set(columns):
        raise DatasetError(
            "This manifest has other channels than the dataset of the model.",
            file=NAME,
            expected=", ".join(column.title for column in columns),
            got=", ".join(column.title for column in manifest.columns),
            remedy="Specify these columns in the manifest.",
        )
    proposed = propose(result.rows, {}, manifest)[: len(manifest.rows)]
    rows = tuple(replace(row, split="test") for row in proposed)
    if has_dose:
        return rows
    return tuple(replace(row, dose=(), factor=(), fractions=(), prescription_gy=()) for row in rows)
