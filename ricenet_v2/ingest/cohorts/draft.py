"""The folder of a cohort -> series.csv, manifest.csv and flow.csv."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ricenet_v2.core import html
from ricenet_v2.core.errors import DatasetError, OptionError
from ricenet_v2.ingest.cohorts.flow import FLOW, FlowRow, flow_of, write_flow
from ricenet_v2.ingest.cohorts.known import COHORTS
from ricenet_v2.ingest.cohorts.record import Cohort, ExcludedCase
from ricenet_v2.ingest.cohorts.sources import CohortSources
from ricenet_v2.ingest.cohorts.tables import find_table, read_cohort_table
from ricenet_v2.ingest.manifest import NAME, read_manifest, write_manifest
from ricenet_v2.ingest.scan import Scan, scan
from ricenet_v2.ingest.scan_tables import write_series
from ricenet_v2.ingest.work_folder import SERIES, write_studies_path
from ricenet_v2.records.manifest import Manifest, ManifestRow


@dataclass(frozen=True)
class CohortDraft:
    """Outcome of labelling a public cohort.

    Attributes:
        scan: Scan of its files.
        manifest: Manifest as it was written.
        flow: Flow of cases from the table to the manifest.
        excluded: Units that make no case, each with its rule.
        rule: Rule by which labels were given.
        tables: Names of the files that were read, by the name of the table.
    """

    scan: Scan
    manifest: Manifest
    flow: tuple[FlowRow, ...]
    excluded: tuple[ExcludedCase, ...]
    rule: str
    tables: dict[str, str]

    def _repr_html_(self) -> str:
        """Counts from the table to the cases, for notebooks."""
        flow = [(row.step, row.what, row.number) for row in self.flow]
        tables = f"Tables: {', '.join(self.tables.values())}"
        return html.table(f"Rule {self.rule}", ("step", "what", "number"), flow, tables)


def draft_cohort(
    name: str, folder: Path, work: Path, tables: Path | None = None, rule: str = ""
) -> CohortDraft:
    """Read the tables of a cohort and the headers of its files, and write a manifest.

    Args:
        name: Name of the cohort.
        folder: Its files, as published.
        work: Folder that is written.
        tables: Folder of its tables; None where they lie in `folder`.
        rule: Rule by which labels are given; empty for the usual one.

    Raises:
        OptionError: There is no such cohort or rule.
        DatasetError: A table or column is missing, the folder holds no images, no case results,
            or another manifest is in `work`.
        OSError: Nothing can be written into `work`.
    """
    cohort = _cohort(name)
    rule = rule or next(iter(cohort.rules))
    if rule not in cohort.rules:
        known = ", ".join(cohort.rules)
        raise OptionError(f"{cohort.title} has no such rule.", expected=known, got=rule)
    files = {each: find_table(tables or folder, table) for each, table in cohort.tables.items()}
    cells = {each: read_cohort_table(file, cohort.tables[each]) for each, file in files.items()}
    result = scan(folder, work)
    outcome = list(cohort.rules[rule](CohortSources(result, cells)))
    cases = [each for each in outcome if isinstance(each, ManifestRow)]
    flow = flow_of(cohort, outcome)
    _check_cases(cohort, cases, flow, folder)
    manifest = Manifest(cohort.columns, tuple(cases))
    _write(work, folder, result, manifest, flow)
    return CohortDraft(
        scan=result,
        manifest=manifest,
        flow=flow,
        excluded=tuple(each for each in outcome if isinstance(each, ExcludedCase)),
        rule=rule,
        tables={each: file.name for each, file in files.items()},
    )


def _cohort(name: str) -> Cohort:
    if name not in COHORTS:
        raise OptionError("There is no such cohort.", expected=", ".join(COHORTS), got=name)
    return COHORTS[name]


def _check_cases(
    cohort: Cohort, cases: list[ManifestRow], flow: tuple[FlowRow, ...], folder: Path
) -> None:
    if cases:
        return
    counts = [f"{row.number} {row.what}" for row in flow if row.number]
    raise DatasetError(
        f"No eligible cases in {cohort.title}.",
        file=folder,
        expected="files as in documentation/cohorts.md",
        got="; ".join(counts) or "a table without rows",
        remedy="Check whether FOLDER holds the images, with the names of files and folders with "
        "which they were published.",
    )


def _write(
    work: Path, folder: Path, result: Scan, manifest: Manifest, flow: tuple[FlowRow, ...]
) -> None:
    path = work / NAME
    if path.exists() and _without_lines(read_manifest(path)) != _without_lines(manifest):
        raise DatasetError(
            "Another manifest already exists.",
            file=path,
            expected="none, or the same: what a person corrected is not written over",
            got="other rows",
            remedy="Choose another folder, or rename this manifest.",
        )
    write_series(work / SERIES, result.rows)
    write_flow(work / FLOW, flow)
    write_studies_path(work, folder)
    if not path.exists():
        write_manifest(path, manifest)


def _without_lines(manifest: Manifest) -> Manifest:
    """The manifest as it would be read from a table, without line numbers."""
    rows = (
        replace(row, line=0, covariates={name: c for name, c in row.covariates.items() if c})
        for row in manifest.rows
    )
    return Manifest(manifest.columns, tuple(rows))
