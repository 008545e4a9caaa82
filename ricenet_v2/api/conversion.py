"""Files of a hospital -> a draft of which series make a case -> a raw dataset."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from ricenet_v2.api.locations import PathInput, absolute
from ricenet_v2.api.public import public
from ricenet_v2.core import html
from ricenet_v2.core.files import check_writable
from ricenet_v2.core.locks import using
from ricenet_v2.core.options import check_positive, check_whole
from ricenet_v2.ingest.case_cohort import ConvertedCohort, convert_cohort
from ricenet_v2.ingest.case_inputs import CaseSources
from ricenet_v2.ingest.case_writing import stored_case
from ricenet_v2.ingest.convert_options import ConvertOptions, check_options
from ricenet_v2.ingest.converted_dataset import (
    converted_otherwise,
    dataset_of,
    vanished,
    write_tables,
)
from ricenet_v2.ingest.manifest import read_manifest
from ricenet_v2.ingest.proposals import with_candidates
from ricenet_v2.ingest.pseudonyms import pseudonyms_of
from ricenet_v2.ingest.work_folder import (
    REFUSED,
    ScanDraft,
    check_apart,
    draft_manifest,
    private_folder,
    scan_again,
    studies_of,
    write_patients,
)
from ricenet_v2.reporting.conversion.page import write_conversion_page
from ricenet_v2.reporting.conversion.picture import write_case_picture

__all__ = ["ConversionResult", "ConvertOptions", "ScanDraft", "convert_cases", "scan_studies"]


@dataclass(frozen=True)
class ConversionResult:
    """Outcome of a conversion.

    Attributes:
        cohort: Outcome of the rows.
        vanished: Ids of cases that are there, but in no row of the manifest; they stay.
        outdated: Ids of cases that are there, and that were converted with other options. Their
            files stay, but the dataset does not list them until they are converted again.
        page: Page of pictures on which a person sees whether cases were converted right; None
            where nothing was written.
    """

    cohort: ConvertedCohort
    vanished: tuple[str, ...]
    outdated: tuple[str, ...] = ()
    page: Path | None = None

    def _repr_html_(self) -> str:
        """Numbers of cases, and why cases failed, for notebooks."""
        cohort = self.cohort
        rows = [
            ("converted", len(cohort.done)),
            ("unchanged", len(cohort.skipped)),
            ("failed", len(cohort.failed)),
            ("in no row of the manifest", len(self.vanished)),
            ("converted with other options", len(self.outdated)),
        ]
        failed = [f"{fault.case_id} (line {fault.line}): {fault.what}" for fault in cohort.failed]
        warned = [f"{c.case_id}: {'; '.join(c.warnings)}" for c in cohort.cases if c.warnings]
        pictures = f"Pictures: {self.page}" if self.page is not None else ""
        return html.table("Conversion", ("outcome", "cases"), rows, *failed, *warned, pictures)


@public
def scan_studies(studies: PathInput, work: PathInput) -> ScanDraft:
    """Read the headers of a tree of files, and write series.csv and a draft of manifest.csv.

    Args:
        studies: Folder of an export, of any layout and names of files.
        work: Folder that is written, which identifies patients. Rows of a manifest that is there
            stay as they are; new patients come behind them.

    Returns:
        The scan and the manifest.

    Raises:
        DatasetError: The tree holds no DICOM files and no images, or the existing manifest is
            invalid.
        InUseError: Another process writes `work`.

    Example:
        >>> from ricenet_v2.phantom.dicom import write_studies
        >>> labels = write_studies(space / "studies", patients=2)
        >>> draft = rn.scan_studies(space / "studies", space / "work")
        >>> len(draft.scan.rows), len(draft.manifest.rows)
        (14, 2)
    """
    with private_folder(absolute(work)) as folder, using(writes=[folder]):
        return draft_manifest(absolute(studies), folder)


@public
def convert_cases(
    manifest: PathInput,
    output: PathInput,
    options: ConvertOptions | None = None,
    *,
    num_workers: int = 1,
    case_timeout: float | None = None,
) -> ConversionResult:
    """Convert the cases of a manifest to a raw dataset; only new or changed rows are converted.

    Args:
        manifest: manifest.csv in the folder of a scan, which holds the key of the case ids.
        output: Raw dataset folder, outside of which that key stays.
        options: Options of the conversion.
        num_workers: Largest number of processes.
        case_timeout: Seconds that converting a case may take, beside those of `brain_command`; as
            long as it takes where None.

    Returns:
        Outcome of each row; a case that failed does not stop the others.

    Raises:
        OptionError: An option or the number of processes is invalid, or a package or program that
            an option needs is not installed.
        DatasetError: The manifest is invalid, the studies no longer exist, or `output` contains
            other files, or overlaps with the folder of the scan or of the studies.
        DiskFullError: No disk space is left; finished cases are on disk.
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
    check_positive(case_timeout=case_timeout)
    chosen, path, folder = options or ConvertOptions(), absolute(manifest), absolute(output)
    check_options(chosen)
    work = path.parent
    table = read_manifest(path)
    check_apart(folder, {"the folder of the manifest": work, "the studies": studies_of(work)})
    dataset = dataset_of(table, folder)
    writes = not chosen.check
    page: Path | None = None
    with using(writes=[folder, work]) if writes else nullcontext():
        pseudonyms = pseudonyms_of(work, keep=writes)
        scan = scan_again(work, keep=writes)
        sources = CaseSources(scan, table.columns, pseudonyms)
        table = replace(table, rows=with_candidates(scan.rows, table.rows))
        beyond = vanished(folder, [sources.case_id(row) for row in table.rows])
        if writes:
            check_writable(folder)
        cohort = convert_cohort(
            table,
            sources,
            folder if writes else None,
            pseudonyms,
            num_workers,
            chosen,
            write_case_picture,
            work / REFUSED if writes else None,
            seconds=case_timeout,
        )
        stored = (stored_case(folder, fault.case_id) for fault in cohort.failed)
        earlier = [*(case for case in stored if case is not None), *beyond]
        outdated = converted_otherwise(earlier, chosen)
        listed = [*cohort.cases, *(case for case in earlier if case not in outdated)]
        if writes:
            write_patients(work, table.rows, sources.case_id)
        ids = tuple(case.case_id for case in beyond)
        if writes and listed:
            write_tables(folder, dataset, listed, chosen, is_changed=bool(cohort.done))
            page = write_conversion_page(folder, dataset.name, listed, cohort.failed, ids)
    return ConversionResult(cohort, ids, tuple(case.case_id for case in outdated), page)
