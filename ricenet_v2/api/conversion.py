"""Files of a hospital -> a draft of which series make a case -> a raw dataset."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.api.locations import PathInput
from ricenet_v2.core.files import check_writable
from ricenet_v2.core.locks import using
from ricenet_v2.core.options import check_whole
from ricenet_v2.core.options import options as options_record
from ricenet_v2.ingest.case_cohort import ConvertedCohort, convert_cohort
from ricenet_v2.ingest.case_inputs import CaseSources
from ricenet_v2.ingest.case_writing import stored_case
from ricenet_v2.ingest.converted_dataset import check_apart, dataset_of, vanished, write_tables
from ricenet_v2.ingest.manifest import read_manifest
from ricenet_v2.ingest.pseudonyms import pseudonyms_of
from ricenet_v2.ingest.work_folder import (
    ScanDraft,
    draft_manifest,
    private_folder,
    scan_again,
    studies_of,
)

__all__ = ["ConversionResult", "ConvertOptions", "ScanDraft", "convert_cases", "scan_studies"]


@options_record
class ConvertOptions:
    """How cases are converted.

    Attributes:
        check: Do everything but write.
        keep_head: Keep voxels outside of a brain mask, in which a face can be recognised.
    """

    check: bool = False
    keep_head: bool = False


@dataclass(frozen=True)
class ConversionResult:
    """What a conversion did.

    Attributes:
        cohort: What became of the rows.
        vanished: Ids of cases that are there, but in no row of the manifest; they stay.
    """

    cohort: ConvertedCohort
    vanished: tuple[str, ...]


def scan_studies(studies: PathInput, work: PathInput) -> ScanDraft:
    """Read the headers of a tree of files, and write series.csv and a draft of manifest.csv.

    Args:
        studies: Folder of an export, of any layout and names of files.
        work: Folder that is written, which identifies patients. Rows of a manifest that is there
            stay as they are; new patients come behind them.

    Returns:
        The scan and the manifest.

    Raises:
        DatasetError: The tree holds no DICOM files and no images, or the manifest that is there
            cannot be understood.
        InUseError: Another process writes `work`.

    Example:
        >>> from ricenet_v2.phantom.dicom import write_studies
        >>> labels = write_studies(space / "studies", patients=2)
        >>> draft = rn.scan_studies(space / "studies", space / "work")
        >>> len(draft.scan.rows), len(draft.manifest.rows)
        (14, 2)
    """
    with private_folder(Path(work)) as folder, using(writes=[folder]):
        return draft_manifest(Path(studies), folder)


def convert_cases(
    manifest: PathInput,
    output: PathInput,
    options: ConvertOptions | None = None,
    *,
    num_workers: int = 1,
) -> ConversionResult:
    """Convert the cases of a manifest into a raw dataset; only new or changed rows are done again.

    Args:
        manifest: manifest.csv in the folder of a scan, which holds the key of the case ids.
        output: Raw dataset folder, outside of which that key stays.
        options: How cases are converted.
        num_workers: Largest number of processes.

    Returns:
        What became of each row; a case that failed does not stop the others.

    Raises:
        OptionError: The number of processes is not usable.
        DatasetError: The manifest cannot be understood, the studies are gone, or `output` holds
            something else, or lies in the folder of the scan or of the studies, or around one.
        DiskFullError: There is no room; finished cases are on disk.
        InUseError: Another process uses `output`.

    Example:
        >>> manifest = space / "work" / "manifest.csv"
        >>> table = manifest.read_text()
        >>> for patient, label in labels.items():
        ...     table = table.replace(f"{patient},1,", f"{patient},1,{label}")
        >>> _ = manifest.write_text(table)
        >>> result = rn.convert_cases(manifest, space / "Dataset020_RICE")
        >>> len(result.cohort.done), len(result.cohort.failed)
        (2, 0)
    """
    check_whole(1, num_workers=num_workers)
    chosen, path, folder = options or ConvertOptions(), Path(manifest), Path(output)
    work = path.parent
    table = read_manifest(path)
    check_apart(folder, work, studies_of(work))
    dataset = dataset_of(table, folder)
    writes = not chosen.check
    with using(writes=[folder, work]) if writes else nullcontext():
        pseudonyms = pseudonyms_of(work, keep=writes)
        sources = CaseSources(scan_again(work, keep=writes), table.columns, pseudonyms)
        beyond = vanished(folder, [sources.case_id(row) for row in table.rows])
        if writes:
            check_writable(folder)
        cohort = convert_cohort(
            table,
            sources,
            folder if writes else None,
            pseudonyms,
            num_workers,
            keep_head=chosen.keep_head,
        )
        if writes:
            failed = [stored_case(folder, fault.case_id) for fault in cohort.failed]
            there = [*cohort.cases, *(case for case in failed if case is not None), *beyond]
            if there:
                write_tables(folder, dataset, there)
    return ConversionResult(cohort, tuple(case.case_id for case in beyond))
